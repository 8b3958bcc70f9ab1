"""Standard streams that are closed, full or no longer read, and a person who interrupts at any moment."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

import pytest

from tests.cli.test_commands import enqueue, folder

__all__ = ["folder"]  # a fixture

COMMAND = f"{shlex.quote(sys.executable)} -W error -m asyncqueue"


def shell(folder, line: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCQUEUE_")}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_command(folder, closed):
    enqueue(folder, "jobs.greet")
    assert shell(folder, f"{COMMAND} stats {closed}").returncode == 0
    assert shell(folder, f"{COMMAND} run --burst {closed}").returncode == 0
    assert "completed\t1" in shell(folder, f"{COMMAND} stats").stdout


def test_an_output_that_is_full_is_one_clear_line(folder):
    enqueue(folder, "jobs.greet")
    for words in ("stats", "list", "list --json", "--help"):
        done = shell(folder, f"{COMMAND} {words} > /dev/full")
        assert done.returncode == 1
        assert done.stderr == "asyncqueue: standard output cannot be written: No space left on device\n"


def test_a_task_cannot_close_the_streams_of_the_worker(folder):
    (folder / "closing.py").write_text(
        "import sys\n"
        "from asyncqueue import task\n"
        "@task\n"
        "def close():\n"
        "    sys.stdout.close()\n"
        "    sys.stderr.close()\n"
        "    print('after that')\n"
    )
    enqueue(folder, "closing.close")
    done = shell(folder, f"{COMMAND} run --burst")
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 completed, 0 failed" in done.stderr
    assert "after that" in shell(folder, f"{COMMAND} list --json").stdout


def unread(folder, *words: str) -> int:
    """The exit code of a command whose standard output and error nobody reads: the reader has gone before it begins."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCQUEUE_")}
    words = (sys.executable, "-m", "asyncqueue", *words)
    done = subprocess.run(words, cwd=folder, env=environment, stdout=writer, stderr=writer, timeout=60, check=False)
    os.close(writer)
    return done.returncode


def test_an_output_that_nobody_reads_is_no_error(folder):
    """The exit code says what a command has done, and it does all of it."""
    task_id = enqueue(folder, "jobs.boom")
    assert unread(folder, "run", "--burst") == 0
    for words in ("list", "list --json", f"show {task_id}", "migrate --check", "--help", "list --help"):
        assert unread(folder, *words.split()) == 0
    for words, code in (("list --nonsense", 2), ("show nonsense", 2), ("list --status nonsense", 2), ("cancel x", 2)):
        assert unread(folder, *words.split()) == code
    assert unread(folder, "requeue", "--status", "failed", "--yes") == 0
    assert "\tqueued\t" in shell(folder, f"{COMMAND} list").stdout
    assert unread(folder, "enqueue", "jobs.boom", "--wait", "--timeout", "0.1") == 1, "it has not ended"


@pytest.mark.parametrize("module", ["asyncqueue.cli.streams", "asyncqueue.cli.app"])
def test_an_interruption_while_it_is_imported_leaves_no_traceback(folder, module):
    """The signal comes before anything of the command has been imported but the package itself."""
    program = (
        "import os, signal, sys, threading\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "sys.argv = ['asyncqueue', 'stats']\n"
        "from asyncqueue.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")
