"""The examples in the documents are those that run here."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from textwrap import dedent

import asyncpg
import pytest

from asyncqueue import Queue, QueueState, Settings, Status, Worker
from tests.cli.test_commands import call
from tests.servers.cases import cases, migrated

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs/examples"
MIGRATED = cases("database", migrated())

TASKS = """
from asyncqueue import task

@task
async def greet(name: str) -> str:
    return f"Hello, {name}!"

@task
async def remind(order: int) -> None: ...
"""
SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["django_simple_queue"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "tasks.sqlite3"}}
DJANGO_SIMPLE_QUEUE_ALLOWED_TASKS = ["shop.tasks.remind"]
USE_TZ = True
"""


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(EXAMPLES)
    yield
    for name in (
        "level_1",
        "level_1_tasks",
        "fleet",
        "periodic_tasks",
        "limited",
        "chains",
        "chain_tasks",
        "own_transaction",
    ):
        sys.modules.pop(name, None)


@pytest.fixture
async def queue(database, examples):
    async with Queue(settings=Settings(database_url=database.url, poll_max=0.1)) as queue:
        yield queue


def stripped(text: str) -> str:
    """Without indentation and empty lines."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def blocks(document: str, language: str) -> list[str]:
    """The code of a document in a language."""
    return [dedent(code) for code in re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)]


def test_what_the_documents_show_of_level_1_is_in_the_examples():
    text = (ROOT / "docs/tasks.md").read_text()
    shown = blocks(text[text.index("## Retries") : text.index("## Isolation")], "python")
    shown += blocks(text[text.index("## Waiting and watching") : text.index("## Errors")], "python")
    paths = *EXAMPLES.glob("level_1*.py"), EXAMPLES / "fleet.py", EXAMPLES / "periodic_tasks.py"
    examples = [stripped(path.read_text()) for path in paths]
    assert len(shown) >= 13
    # Imports are in an order of their own there.
    bodies = [stripped(re.sub(r"^from .*\n", "", code, flags=re.MULTILINE)) for code in shown]
    assert [body for body in bodies if not any(body in example for example in examples)] == []


@MIGRATED
async def test_delays_priorities_and_queues(queue, database):
    level_1 = importlib.import_module("level_1")
    await level_1.later(queue)
    assert await queue.count(status=Status.SCHEDULED) == 3
    await level_1.placed(queue)
    await level_1.many(queue, ["a@example.org", "b@example.org"])
    mail = QueueState("mail", paused=True, queued=4)
    assert await level_1.paused(queue) == [QueueState("default", scheduled=4), mail]
    chosen = queue.settings.model_copy(update={"queues": ("mail",)})
    await asyncio.wait_for(Worker(queue, settings=chosen).run(burst=True), 20)
    assert await queue.count(status=Status.COMPLETED) == 4
    old = datetime.now(UTC) - timedelta(days=8)
    at = old if database.dialect == "postgresql" else str(old.replace(tzinfo=None))
    database.execute(f"UPDATE {database.table} SET modified = %s WHERE priority < 0", at)
    assert await level_1.deleted(queue) == 2


@MIGRATED
async def test_one_task_at_a_time_for_a_key(queue):
    fleet = importlib.import_module("fleet")
    first = await fleet.welcome(queue, 7)
    assert first.created
    again = await fleet.welcome(queue, 7)
    assert (again.id, again.created) == (first.id, False)
    reminders = [await fleet.reminded(queue, 1) for _ in range(3)]
    assert len({handle.id for handle in reminders}) == 1
    assert [await fleet.charged(queue, 5) for _ in range(2)] == [True, False]
    assert await queue.count() == 3


@MIGRATED
async def test_waiting_and_watching(queue, capsys):
    fleet = importlib.import_module("fleet")
    worker = Worker(queue)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        await asyncio.wait_for(fleet.watched(queue, ["a@example.org", "b@example.org"]), 20)
        await asyncio.wait_for(fleet.followed(queue), 20)
        worker.stop()
    assert capsys.readouterr().out.splitlines()[2:] == ["day 0", "day 1", "day 2"]


@MIGRATED
async def test_periodic_tasks(queue, capsys, tmp_path, monkeypatch):
    shown = next(text for text in blocks((ROOT / "docs/tasks.md").read_text(), "toml") if "periodic" in text)
    assert shown == (EXAMPLES / "periodic.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(shown)
    monkeypatch.chdir(tmp_path)
    worker = Worker(queue, settings=Settings(database_url=queue.settings.database_url))
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(20):
        while len(entries := await queue.periodic()) < 4:
            await asyncio.sleep(0.05)
        await importlib.import_module("level_1").listed(queue)
    worker.stop()
    await running
    assert [(entry.name, entry.cron, entry.timezone) for entry in entries] == [
        ("monthly report", "0 8 1 * *", "Europe/Berlin"),
        ("periodic_tasks.close_the_day", "30 2 * * *", "Europe/Berlin"),
        ("periodic_tasks.report", "0 8 * * MON-FRI", "Europe/Berlin"),
        ("periodic_tasks.sweep", "*/5 * * * *", "UTC"),
    ]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "monthly",
        *(entry.name for entry in entries[1:]),
    ]


@MIGRATED
async def test_limits(queue, capsys):
    limited = importlib.import_module("limited")
    text, source = (ROOT / "docs/limits.md").read_text(), (EXAMPLES / "limited.py").read_text()
    for block in blocks(text, "python"):
        assert block in source
    await queue.enqueue_many([(limited.render, {"page": number}) for number in range(8)])
    await queue.enqueue_many([(limited.synchronise, {"customer": number % 2}) for number in range(4)])
    await queue.enqueue_many([(limited.mail, {"to": f"{name}@example.org"}) for name in "ab"])
    await queue.enqueue(limited.ask, {"question": "why"}, limit_key="mine")
    await asyncio.wait_for(Worker(queue).run(burst=True), 20)
    assert await queue.count(status=Status.COMPLETED) == 15
    await limited.shown(queue)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        *("limited.ask", "limited.mail", "limited.render", "limited.synchronise"),
    ]


class _Answers(BaseHTTPRequestHandler):
    """Busy for the first attempt; knows no /nowhere."""

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"]))
        code = 404 if self.path == "/nowhere" else 429 if said == b"attempt 1" else 200
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@MIGRATED
async def test_a_task_that_is_tried_again(queue, server):
    level_1, tasks = importlib.import_module("level_1"), importlib.import_module("level_1_tasks")
    hosts = [{"host": server}, {"host": server, "path": "/nowhere"}, {"host": "127.0.0.1:1"}]
    handles = [await queue.enqueue(tasks.notify, args) for args in hosts]
    busy, _unknown, refused = handles
    await asyncio.wait_for(Worker(queue).run(burst=True), 20)
    states = [await handle.status() for handle in handles]
    assert states == [Status.SCHEDULED, Status.FAILED, Status.SCHEDULED]
    waits = []
    for handle in (busy, refused):
        record = await handle.record()
        assert record.run_after is not None
        waits.append(round((record.run_after - record.modified).total_seconds()))
    assert waits == [60, 2]
    [attempt] = await level_1.looked_back(busy)
    assert attempt.error.startswith("Retry('rate limited', after=60)")


def test_what_the_documents_show_of_chains_is_in_the_examples():
    shown = blocks((ROOT / "docs/chains.md").read_text(), "python")
    examples = [stripped((EXAMPLES / name).read_text()) for name in ("chains.py", "chain_tasks.py")]
    assert len(shown) == 8
    assert [code for code in shown if not any(stripped(code) in example for example in examples)] == []


@MIGRATED
async def test_chains_and_groups(queue, database, capsys, monkeypatch):
    monkeypatch.setenv("ASYNCQUEUE_DATABASE_URL", database.url)
    chains, tasks = importlib.import_module("chains"), importlib.import_module("chain_tasks")
    urls = ["https://example.org", "https://example.com/a"]
    worker = Worker(queue)
    async with asyncio.TaskGroup() as running, asyncio.timeout(60):
        running.create_task(worker.run())
        *_, total = await chains.after(queue)
        assert await total.result() == 38
        await chains.looked(queue, total)
        assert capsys.readouterr().out.count("chain_tasks.fetch COMPLETED") == 2
        await chains.chained(queue)
        assert capsys.readouterr().out == "19 words\n"
        assert await (await chains.grouped(queue, urls)).result() == 40
        await chains.graph(queue, [*urls, "nowhere"])
        lines = capsys.readouterr().out.splitlines()
        fetched = ["fetch COMPLETED", "fetch COMPLETED", "fetch FAILED"]
        ends = ["add_up CANCELLED", *fetched, "publish CANCELLED", "report COMPLETED"]
        assert sorted(lines) == [f"chain_tasks.{line}" for line in ends]
        for crawling in (tasks.crawl, tasks.crawl_at_once):
            handle = await queue.enqueue(crawling, {"urls": urls})
            await handle.result()
            while await queue.count(status=(Status.SCHEDULED, Status.QUEUED, Status.RUNNING)):
                await asyncio.sleep(0.05)
            [last, *_] = await queue.list(task="chain_tasks.report", limit=1)
            assert last.status == Status.COMPLETED
            assert last.output is not None
            assert last.output.splitlines()[-2:] == ["chain_tasks.fetch: 19", "chain_tasks.fetch: 21"]
        worker.stop()


def test_the_commands_in_the_documents(tmp_path):
    """All of docs/cli.md and those of level 1 in README.md, in their order, in one folder."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/tasks.py").write_text(TASKS)
    readme = (ROOT / "README.md").read_text()
    readme = readme[readme.index("## Retries") : readme.index("## How fast")]
    call(tmp_path, "enqueue", "app.tasks.greet", "name=Ada")  # what makes the database
    lines = _commands((ROOT / "docs/cli.md").read_text()) + _commands(readme)
    assert len(lines) >= 10
    for words in lines:
        if "--down" in words:
            call(tmp_path, "requeue", "--status", "scheduled", "--yes")
        call(tmp_path, *words)


@cases("database", migrated(["postgresql"]))
async def test_a_transaction_of_the_callers(queue, database):
    text = (ROOT / "docs/tasks.md").read_text()
    [shown, *_] = blocks(text[text.index("## In your own transaction") :], "python")
    assert stripped(shown) in stripped((EXAMPLES / "own_transaction.py").read_text())
    example = importlib.import_module("own_transaction")
    database.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    async with asyncpg.create_pool(database.url, min_size=1, max_size=1) as pool:
        await example.ordered(queue, pool, 1)
        with pytest.raises(asyncpg.UniqueViolationError):
            await example.ordered(queue, pool, 1)
    database.execute("DROP TABLE orders")
    assert await queue.count() == 1


def test_the_commands_for_django(tmp_path):
    for name, text in {"mysite/settings.py": SETTINGS, "shop/tasks.py": TASKS}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    program = "import django; django.setup(); from django.core import management as m; m.call_command('migrate', '-v0')"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)  # as manage.py does
    call(tmp_path, "migrate", "--django", "mysite.settings")
    text = (ROOT / "docs/django.md").read_text()
    for words in _commands(text[text.index("## Retries") :]):
        call(tmp_path, *words, *(["--burst"] if words[0] == "run" else []))


def _commands(text: str) -> list[list[str]]:
    """The command lines of a document that can be run as they are."""
    lines = [line for block in blocks(text, "") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("asyncqueue ")]
