"""The fixtures, in a pytest of its own: with pytest-asyncio in both modes, with anyio's plugin, and without either."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

APP = """
from asyncqueue import enqueue, task

@task
async def send(to: str) -> str:
    return f"sent to {to}"

async def sign_up(to):
    return await enqueue(send, {"to": to})
"""

BODIES = """
async def use_queue(queue):
    await sign_up("a")
    await assert_enqueued(queue, send, {"to": "a"}, count=1)
    [record] = await run_until_empty(queue)
    assert record.output == "sent to a"

async def use_eager(queue):
    handle = await sign_up("a")
    assert await handle.result(timeout=1) == "sent to a"
"""

HEAD = f"""
import asyncio
import pytest
from app import send, sign_up
from asyncqueue.testing import assert_enqueued, assert_not_enqueued, run_until_empty
{BODIES}
"""


def run(folder: Path, text: str, *options: str) -> str:
    """Run a test file; warnings are errors. Returns the output, which ends in a line of counts."""
    (folder / "app.py").write_text(APP)
    (folder / "test_it.py").write_text(HEAD + dedent(text))
    (folder / "pytest.ini").write_text("[pytest]\n")
    if "no:asyncio" not in options:
        options = ("-o", "asyncio_default_fixture_loop_scope=function", *options)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *options],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("ASYNCQUEUE_", "PYTEST_"))},
            "ASYNCQUEUE_DATABASE_URL": "sqlite:////nowhere/x.sqlite3",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def counts(output: str) -> str:
    return re.sub(r" in .*", "", output.strip().splitlines()[-1])


ASYNCIO = """
@pytest.mark.asyncio
async def test_queue(asyncqueue_queue):
    await use_queue(asyncqueue_queue)

@pytest.mark.asyncio
async def test_each_test_has_its_own(asyncqueue_queue):
    await assert_not_enqueued(asyncqueue_queue, send, status=range(6))

@pytest.mark.asyncio
async def test_eager(asyncqueue_eager):
    await use_eager(asyncqueue_eager)

@pytest.mark.asyncio(loop_scope="module")
async def test_queue_in_a_loop_of_the_module(asyncqueue_queue):
    await use_queue(asyncqueue_queue)

@pytest.mark.asyncio(loop_scope="session")
async def test_eager_in_a_loop_of_the_session(asyncqueue_eager):
    await use_eager(asyncqueue_eager)

@pytest.fixture
def signed_up(asyncqueue_queue):
    return asyncqueue_queue

@pytest.mark.asyncio
async def test_by_way_of_another_fixture(signed_up):
    await use_queue(signed_up)

class TestInAClass:
    @pytest.mark.asyncio
    async def test_queue(self, asyncqueue_queue):
        await use_queue(asyncqueue_queue)

def test_sync(asyncqueue_sync):
    asyncio.run(sign_up("a"))
    asyncqueue_sync.assert_enqueued(send, {"to": "a"})
    [record] = asyncqueue_sync.run_until_empty()
    assert record.output == "sent to a"
"""


@pytest.mark.parametrize("options", [("asyncio_mode=strict",), ("asyncio_mode=auto",)])
def test_with_pytest_asyncio(tmp_path, options):
    output = run(tmp_path, ASYNCIO, "-o", *options)
    assert counts(output) == "8 passed", output


def test_in_auto_mode_without_marks_and_with_a_default_scope(tmp_path):
    text = re.sub(r" *@pytest.mark.asyncio.*\n", "", ASYNCIO)
    options = ("asyncio_mode=auto", "asyncio_default_test_loop_scope=session")
    output = run(tmp_path, text, *(word for option in options for word in ("-o", option)))
    assert counts(output) == "8 passed", output


ANYIO = """
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_queue(asyncqueue_queue):
    await use_queue(asyncqueue_queue)

async def test_eager(asyncqueue_eager):
    await use_eager(asyncqueue_eager)

@pytest.fixture
async def signed_up(asyncqueue_queue):
    await sign_up("before")
    return asyncqueue_queue

async def test_by_way_of_another_fixture(signed_up):
    await assert_enqueued(signed_up, send, {"to": "before"})
    await run_until_empty(signed_up)
    await use_queue(signed_up)
"""


@pytest.mark.parametrize("options", [(), ("-p", "no:asyncio")], ids=["beside pytest-asyncio", "alone"])
def test_with_anyio(tmp_path, options):
    output = run(tmp_path, ANYIO, *options)
    assert counts(output) == "3 passed", output


def test_where_nothing_runs_async_tests(tmp_path):
    text = """
    def test_queue(asyncqueue_queue): ...
    def test_eager(asyncqueue_eager): ...
    """
    for options in ((), ("-p", "no:asyncio")):
        output = run(tmp_path, text, *options)
        assert counts(output) == "2 errors", output
        assert (
            "asyncqueue_queue is for async tests that pytest-asyncio or anyio's plugin runs, and test_queue" in output
        )
        assert "asyncqueue_eager is for async tests" in output
        assert "use asyncqueue_sync" in output


def test_a_sync_queue_in_an_async_test(tmp_path):
    text = """
    @pytest.mark.asyncio
    async def test_it(asyncqueue_sync):
        asyncqueue_sync.enqueued()
    """
    output = run(tmp_path, text)
    assert counts(output) == "1 failed", output
    assert "SyncQueue is for code that is not async, and an event loop runs here" in output


def test_an_assertion_that_is_not_awaited_can_be_an_error(tmp_path):
    text = """
    @pytest.mark.asyncio
    async def test_it(asyncqueue_queue):
        assert_enqueued(asyncqueue_queue, send)
    """
    output = run(tmp_path, text)
    assert counts(output) in ("1 failed", "1 passed, 1 error"), output
    assert "'assert_enqueued' was never awaited" in output


def test_without_the_plugin(tmp_path):
    output = run(tmp_path, "def test_it(asyncqueue_sync): ...", "-p", "no:asyncqueue")
    assert "fixture 'asyncqueue_sync' not found" in output


def test_with_unittest(tmp_path):
    text = """
    import unittest
    from asyncqueue.testing import memory_queue

    class TestIt(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.queue = await self.enterAsyncContext(memory_queue())

        async def test_it(self):
            await use_queue(self.queue)
    """
    output = run(tmp_path, text, "-p", "no:asyncio")
    assert counts(output) == "1 passed", output


def test_a_run_that_uses_no_fixture_loads_nothing_of_asyncqueue(tmp_path):
    (tmp_path / "test_light.py").write_text(
        "import sys\n"
        "def test_it(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('asyncqueue')\n"
        "    loaded = {name for name in sys.modules if name.partition('.')[0] == 'asyncqueue'}\n"
        "    assert loaded == {'asyncqueue', 'asyncqueue.pytest_plugin'}\n"
        "    assert not {'asyncpg', 'aiomysql', 'aiosqlite', 'pydantic', 'pytest_asyncio'} & set(sys.modules)\n"
    )
    output = run(tmp_path, "", "-p", "no:asyncio", "test_light.py")
    assert counts(output) == "1 passed", output


def test_the_fixtures_are_documented_and_the_rest_is_hidden(tmp_path):
    output = run(tmp_path, "", "--fixtures")
    shown = re.findall(r"^(_?asyncqueue_\w+)", output, re.MULTILINE)
    assert sorted(shown) == ["asyncqueue_eager", "asyncqueue_queue", "asyncqueue_sync"]
