"""The command line on a terminal: a pseudo-terminal of 100 columns, and what appears on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cli.test_commands import call, enqueue, folder

__all__ = ["folder"]  # a fixture

_ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

NAPS = """
import anyio
from asyncqueue import task

@task
async def nap(until: str, started: str | None = None) -> None:
    if started:
        await anyio.Path(started).touch()
    while not await anyio.Path(until).exists():
        await anyio.sleep(0.02)
"""


class Terminal:
    """A command on a terminal, which controls it: when the terminal is closed, the command has a SIGHUP."""

    def __init__(
        self, folder: Path, *words: str, columns: int = 100, program: Sequence[str] = ("-m", "asyncqueue")
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.set_blocking(self._master, False)
        self.raw = ""
        self.process = subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
            # The size is the terminal's, whatever the environment of the tests says.
            env={**_ENVIRONMENT, "TERM": "xterm-256color", "NO_COLOR": ""},
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Close the terminal, as somebody does who closes its window."""
        master, self._master = self._master, -1
        if master >= 0:
            os.close(master)

    def text(self) -> str:
        """All that has appeared, without colours and cursor movements."""
        while True:
            try:
                data = os.read(self._master, 65536)
            except (BlockingIOError, OSError):
                return _STYLE.sub("", self.raw)
            if not data:
                return _STYLE.sub("", self.raw)
            self.raw += data.decode("utf-8", "replace")

    def until(self, condition: Callable[[str], object]) -> str:
        """Wait for something to appear, for 20 seconds at most."""
        end = time.monotonic() + 20
        while not condition(self.text()):
            assert time.monotonic() < end, self.raw
            time.sleep(0.02)
        return self.text()

    def end(self) -> str:
        """Wait for the command's end."""
        self.until(lambda _: self.process.poll() is not None)
        return self.text()


def test_run_shows_a_live_line(folder):
    (folder / "naps.py").write_text(NAPS)
    enqueue(folder, "jobs.greet")
    enqueue(folder, "jobs.boom")
    for _ in range(3):
        enqueue(folder, "naps.nap", f"until={folder / 'go'}")
    with Terminal(folder, "run") as terminal:
        line = r"● 3 running  1 done  1 failed  [\d,]+ tasks/s"
        terminal.until(lambda text: re.search(line, text))
        assert "greeting" not in terminal.text(), "what a task prints goes to its log"
        (folder / "go").touch()
        terminal.until(lambda text: "● 0 running  4 done  1 failed" in text)
        terminal.process.send_signal(signal.SIGINT)
        text = terminal.end()
        assert terminal.process.returncode == 0
    assert re.search(r"SIGINT: stopping; again to end at once", text)
    assert re.search(r"ended after [\d.]+ s: 4 completed, 1 failed", text)


def test_a_terminal_that_is_closed_drains_the_worker(folder):
    """It goes on without a terminal: its lines, and what a task or its processes print there, go nowhere."""
    (folder / "naps.py").write_text(NAPS)
    started, go = folder / "started", folder / "go"
    task_id = enqueue(folder, "naps.nap", f"until={go}", f"started={started}")
    left = enqueue(folder, "naps.nap", f"until={go}")
    with Terminal(folder, "run", "-c", "1", "--log-level", "DEBUG") as terminal:
        terminal.until(lambda _: started.exists())
        terminal.close()
        time.sleep(1)  # the live line is written four times a second
        assert terminal.process.poll() is None, "it waits for what runs"
        go.touch()
        assert terminal.process.wait(20) == 0
    listed = dict(line.split("\t")[0:3:2] for line in call(folder, "list").stdout.splitlines())
    assert (listed[task_id], listed[left]) == ("completed", "queued")


def test_a_question_on_a_terminal_that_is_closed_changes_nothing(folder):
    enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from asyncqueue.cli import main; main()"
    with Terminal(folder, "requeue", "--status", "failed", program=["-c", ignoring]) as terminal:
        terminal.until(lambda text: "[y/N]" in text)
        terminal.close()
        assert terminal.process.wait(20) == 1
    assert "\tfailed\t" in call(folder, "list").stdout


def test_tables_have_colours_and_ids_that_can_be_copied(folder):
    ids = [enqueue(folder, "jobs.boom"), enqueue(folder, "jobs.greet", "name=" + "Ada" * 100)]
    call(folder, "run", "--burst")
    with Terminal(folder, "list") as terminal:
        text = terminal.end()
        assert "\x1b[31mfailed" in terminal.raw
        assert "\x1b[32mcompleted" in terminal.raw
    assert all(re.search(rf"^{task_id} ", text, re.MULTILINE) for task_id in ids), "an id stays on its line"
    assert max(map(len, text.splitlines())) <= 100
    with Terminal(folder, "stats") as terminal:
        assert re.search(r"^2 tasks in all", terminal.end(), re.MULTILINE)


def test_eighty_columns_stay_readable(folder):
    package = folder / "shop_with_a_long_name" / "background"
    package.mkdir(parents=True)
    (package / "jobs.py").write_text((folder / "jobs.py").read_text())
    task_id = enqueue(folder, "shop_with_a_long_name.background.jobs.greet", "name=" + "Ada" * 100)
    call(folder, "run", "--burst")
    for columns in (80, 120, 160):
        with Terminal(folder, "list", columns=columns) as terminal:
            head, line = terminal.end().splitlines()
        assert max(len(head), len(line)) <= columns
        assert re.match(rf"{task_id}  \S*jobs.greet +completed +\d+ s", line), "one line, nothing broken"
        assert ("result" in head) == (columns >= 100)
        assert ("args" in head) == (columns >= 120)
    with Terminal(folder, "list", columns=50) as terminal:
        assert task_id in terminal.end(), "an id is never cut"


def test_requeueing_many_asks_first(folder):
    enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    with Terminal(folder, "requeue", "--status", "failed") as terminal:
        terminal.until(lambda text: "Queue 1 task again? [y/N]" in text)
        os.write(terminal._master, b"n\n")
        assert "Aborted" in terminal.end()
    assert "\tfailed\t" in call(folder, "list").stdout


def test_one_interruption_ends_a_question(folder):
    enqueue(folder, "jobs.boom")
    call(folder, "run", "--burst")
    with Terminal(folder, "cleanup", "--failed", "0s") as terminal:
        terminal.until(lambda text: "Delete 1 task for good? [y/N]" in text)
        terminal.process.send_signal(signal.SIGINT)
        assert "Aborted" in terminal.end()
        assert terminal.process.returncode == 1
    assert "\tfailed\t" in call(folder, "list").stdout


def test_help_is_boxed(folder):
    with Terminal(folder, "run", "--help") as terminal:
        assert "╭─ Options" in terminal.end()
