"""What docs/chains.md shows: a test runs it on every database."""

from __future__ import annotations

from collections.abc import Sequence

from chain_tasks import add_up, fetch, publish, report

from asyncqueue import Queue, TaskHandle, TaskRequest, chain, group


async def after(queue: Queue) -> list[TaskHandle]:
    """One after two others."""
    first = await queue.enqueue(fetch, {"url": "https://example.org"})
    second = await queue.enqueue(fetch, {"url": "https://example.com"})
    total = await queue.enqueue(add_up, after=[first, second])
    return [first, second, total]


async def chained(queue: Queue) -> None:
    """One after the other."""
    url = "https://example.org"
    *_, last = await queue.enqueue_many(chain((fetch, {"url": url}), (add_up, {}), (publish, {})))
    print(await last.result(timeout=60))


async def grouped(queue: Queue, urls: Sequence[str]) -> TaskHandle:
    """Many at once, and one after all of them."""
    pages = [(fetch, {"url": url}) for url in urls]
    *_, total = await queue.enqueue_many(group(pages, then=(add_up, {})))
    return total


async def graph(queue: Queue, urls: Sequence[str]) -> None:
    """Whatever comes after whatever."""
    pages = [TaskRequest(fetch, {"url": url}) for url in urls]
    total = TaskRequest(add_up, after=pages, queue="reports")
    handles = await queue.enqueue_many(
        [
            *pages,
            total,
            TaskRequest(publish, after=total, max_attempts=3),
            TaskRequest(report, after=[*pages, total], on_failure="run"),
        ]
    )
    async for record in queue.watch(handles, timeout=60):
        print(record.task, record.status.name)


async def looked(queue: Queue, handle: TaskHandle) -> None:
    """What a task waits for, and what has become of it."""
    async for each in queue.predecessors(handle.id):
        print(each.id, each.task, each.status.name)
