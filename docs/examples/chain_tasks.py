"""The tasks of the examples in docs/chains.md."""

from __future__ import annotations

from collections.abc import Sequence

from asyncqueue import TaskRequest, current_task, enqueue, group, predecessors, task
from asyncqueue.default import default_queue


@task
async def fetch(url: str) -> int:
    """Stands for what takes long: here a page has as many words as its address has letters."""
    if not url.startswith("http"):
        raise ValueError(f"{url!r} is no address")
    return len(url)


@task
async def add_up() -> int:
    """Add the results of what it was to run after."""
    return sum([page.result_as(int) async for page in predecessors()])


@task
def report() -> str:
    """Say what has become of each: a plain function, in a thread."""
    return "\n".join(f"{each.task}: {each.error or each.result}" for each in predecessors())


@task
async def publish() -> str:
    """Use one result."""
    [total] = await predecessors()
    return f"{total.result} words"


@task
async def crawl(urls: Sequence[str]) -> str:
    """Enqueue a task for each page, and one that runs when they and this one have ended."""
    queue = await default_queue()
    pages = await queue.enqueue_many([(fetch, {"url": url}) for url in urls])
    await enqueue(report, after=[current_task(), *pages], on_failure="run")
    return f"{len(pages)} pages"


@task
async def crawl_at_once(urls: Sequence[str]) -> None:
    """The same in one transaction, without itself."""
    queue = await default_queue()
    pages = [(fetch, {"url": url}) for url in urls]
    await queue.enqueue_many(group(pages, then=TaskRequest(report, on_failure="run")))
