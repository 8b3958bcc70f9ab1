"""Runs the contenders' programs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.catalogue import LIMITS, PROGRAMS, Contender
from benchmarks.contenders.shared import Shared

_START = 60.0
_END = 5.0
#: Whose workers are asked to end and waited for: asyncqueue's then print what they counted, a limit's end at once.
_ASKED = ("asyncqueue", *LIMITS)
_TICKS = os.sysconf("SC_CLK_TCK")


class ProgramFailed(Exception):
    """A contender's program ended with an error. The message has its last words."""


def call(contender: Contender, verb: str, url: str, *options: str, **environment: str) -> dict[str, Any]:
    """Run a program to its end and return what it printed."""
    done = subprocess.run(
        [contender.interpreter(), str(contender.program), verb, url, *options],
        cwd=PROGRAMS,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProgramFailed(f"{contender.name} {verb}: {(done.stdout + done.stderr)[-1500:]}")
    lines = done.stdout.strip().splitlines()
    result: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return result


@contextlib.contextmanager
def running(
    contender: Contender, verb: str, url: str, *options: str, **environment: str
) -> Iterator[Callable[[], bool]]:
    """Run a program beside a block, which need not wait for its end: it is killed when the block is left.

    Yields a function that says whether it still runs, and raises ProgramFailed if it has ended with an error.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(
            [contender.interpreter(), str(contender.program), verb, url, *options],
            cwd=PROGRAMS,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

        def runs() -> bool:
            if process.poll():
                log.seek(0)
                raise ProgramFailed(f"{contender.name} {verb}: {log.read()[-1500:]}")
            return process.returncode is None

        try:
            yield runs
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program that leads a process group, and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Workers:
    """Worker processes that wait at the gate, then work until the block is left."""

    def __init__(
        self, contender: Contender, url: str, *, processes: int = 1, concurrency: int = 50, **environment: str
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="asyncqueue-bench-")
        self.shared_path = str(Path(self._folder.name) / "shared")
        self.shared = Shared.create(self.shared_path)
        self._contender = contender
        self._options = ("work", url, "--concurrency", str(concurrency))
        self._environment = {**os.environ, **environment, "BENCH_SHARED": self.shared_path}
        self._logs = [Path(self._folder.name) / f"worker-{slot}" for slot in range(processes)]
        self._processes: list[subprocess.Popen[bytes]] = []
        self.results: list[dict[str, Any]] = []

    def _start(self, slot: int) -> subprocess.Popen[bytes]:
        with self._logs[slot].open("wb") as log:
            return subprocess.Popen(
                [self._contender.interpreter(), str(self._contender.program), *self._options],
                cwd=PROGRAMS,
                env={**self._environment, "BENCH_SLOT": str(slot)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            for slot in range(len(self._logs)):
                self._processes.append(self._start(slot))
            end = time.monotonic() + _START
            while self.shared.ready_workers() < len(self._processes):
                self.check()
                if time.monotonic() > end:
                    raise ProgramFailed(f"{self._contender.name}: its workers did not get ready")
                time.sleep(0.01)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pids(self) -> Sequence[int]:
        """The workers' process ids."""
        return [process.pid for process in self._processes]

    def check(self) -> None:
        """Raise ProgramFailed if a worker has ended by itself."""
        for process, log in zip(self._processes, self._logs, strict=True):
            if process.poll() is not None:
                raise ProgramFailed(f"{self._contender.name} work: {log.read_text(errors='replace')[-1500:]}")

    def cpu(self) -> float:
        """Seconds of processor time that all workers have used."""
        total = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def memory(self) -> float:
        """Resident megabytes of the largest worker."""
        sizes = []
        for pid in self.pids:
            [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
            sizes.append(int(line.split()[1]) / 1024)
        return max(sizes)

    def _end(self) -> None:
        try:
            if self._contender.name in _ASKED:
                self._ask_to_end()
        finally:
            for process in self._processes:
                _kill(process)
            self.shared.close()
            self._folder.cleanup()

    def _ask_to_end(self) -> None:
        """Let workers end by themselves, as long as they may take, and keep what they print then."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        end = time.monotonic() + _END
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, end - time.monotonic()))
        for log in self._logs[: len(self._processes)]:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            if last and last[0].startswith("{"):
                self.results.append(json.loads(last[0]))
