"""The module-level enqueue(), as scripts and services use it, with no configuration and with some."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import asyncqueue


def run(folder: Path, program: str, *, said: str = "", **environment: str) -> str:
    """Run a program in `folder` and return what it prints; its warnings are errors, and it logs what is `said`."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("ASYNCQUEUE_")}, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == said
    return done.stdout


def test_without_any_configuration_tasks_go_to_a_file_in_the_current_folder(tmp_path):
    out = run(
        tmp_path,
        """
        import asyncio
        from asyncqueue import enqueue

        async def main():
            handle = await enqueue("app.tasks.hello", {"name": "Ada"})
            print(handle.id, (await handle.status()).name)

        asyncio.run(main())
        asyncio.run(main())
        """,
        said=f"no database is configured: tasks are in the file {tmp_path}/asyncqueue.sqlite3. That is for a first "
        "try; set ASYNCQUEUE_DATABASE_URL, or database_url under [tool.asyncqueue] in pyproject.toml\n",
    )
    assert out.endswith("QUEUED\n")
    assert (tmp_path / "asyncqueue.sqlite3").exists()


def test_every_event_loop_gets_and_closes_a_queue_of_its_own(tmp_path):
    out = run(
        tmp_path,
        """
        import asyncio
        import asyncqueue
        from asyncqueue import default_queue, enqueue

        async def once():
            await asyncio.gather(*(enqueue("app.tasks.hello") for _ in range(5)))
            return await (await default_queue()).count()

        print([asyncio.run(once()) for _ in range(3)])
        """,
        ASYNCQUEUE_DATABASE_URL=f"sqlite:///{tmp_path}/named.sqlite3",
    )
    assert out == "[5, 10, 15]\n"
    assert (tmp_path / "named.sqlite3").exists()


def test_a_failed_opening_is_tried_again(tmp_path):
    out = run(
        tmp_path,
        """
        import asyncio, os
        from asyncqueue import enqueue
        from asyncqueue.errors import AsyncQueueError

        async def main():
            try:
                await enqueue("app.tasks.hello")
            except AsyncQueueError as error:
                print("failed")
            os.mkdir("later")
            print(type(await enqueue("app.tasks.hello")).__name__)

        asyncio.run(main())
        """,
        ASYNCQUEUE_DATABASE_URL=f"sqlite:///{tmp_path}/later/x.sqlite3",
    )
    assert out == "failed\nTaskHandle\n"


def test_importing_the_package_loads_no_driver(tmp_path):
    out = run(
        tmp_path,
        """
        import json, sys
        import asyncqueue
        from asyncqueue import task

        @task
        async def hello(): ...

        drivers = {"asyncpg", "aiomysql", "aiosqlite", "typer", "rich", "django"}
        print(json.dumps(sorted(drivers & set(sys.modules))))
        """,
    )
    assert json.loads(out) == []


@pytest.mark.parametrize("name", asyncqueue.__all__)
def test_every_public_name_exists_and_is_documented(name):
    assert getattr(asyncqueue, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        asyncqueue.nothing  # noqa: B018
