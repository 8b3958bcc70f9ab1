"""That the benchmarks' own programs run what they measure: a limit that does nothing would make everybody look fast.

And that what was measured is not lost: results are written after every workload, and an interrupted run goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import typer

from benchmarks import catalogue, programs, store
from benchmarks.catalogue import Contender
from benchmarks.contenders.shared import Shared
from benchmarks.programs import ProgramFailed, Workers, running
from benchmarks.servers import Place
from benchmarks.workloads import Size, drain, enqueue_bulk, enqueue_one, latency
from tests.servers.cases import Case, cases

ROOT = Path(__file__).parents[1]
SIZE = Size(enqueue=20, bulk=50, drain=300, most_seconds=30)


class Given:
    """A place with one database, which is the test's."""

    def __init__(self, dialect: str, url: str) -> None:
        self.dialect = dialect
        self.url = url

    def create(self) -> str:
        return self.url

    def drop(self, url: str) -> None: ...


def given(database: Any) -> Place:
    return cast("Place", Given(database.dialect, database.url))


@pytest.mark.parametrize("name", ["limit", "asyncqueue"])
def test_each_workload_is_done_by_the_bare_statements_and_by_the_worker(empty_database, name):
    contender = catalogue.load()[name]
    place = given(empty_database)
    assert enqueue_one(contender, place, SIZE)["tasks"] == 20
    assert enqueue_bulk(contender, place, SIZE)["tasks"] == 50
    assert drain(contender, place, SIZE, batch=50)["tasks"] == 300


@cases("empty_database", [Case("sqlite")])
def test_a_contender_may_have_fewer_tasks_in_its_bulk_call(empty_database):
    contender = catalogue.load()["limit"]
    assert enqueue_bulk(replace(contender, most_bulk=30), given(empty_database), SIZE)["tasks"] == 30
    assert enqueue_bulk(replace(contender, most_bulk=70), given(empty_database), SIZE)["tasks"] == 50


@cases("empty_database", [Case("sqlite")])
def test_a_latency_does_not_wait_for_the_tasks_beside_it(empty_database):
    contender = catalogue.load()["asyncqueue"]
    measured = latency(contender, given(empty_database), Size(latency=10), background=20_000)
    assert measured["began"] == 10
    [(others,)] = empty_database.execute("SELECT count(*) FROM django_simple_queue_task WHERE task LIKE '%noop'")
    assert 0 < others < 24_000


# -- the end of a program


#: A worker that starts a child and notes who asks it to end; any other call of it fails.
PROGRAM = """
import json, os, pathlib, signal, subprocess, sys, time

sys.path.insert(0, os.getcwd())
import shared

here = pathlib.Path(__file__).parent

def ends(number, frame):
    (here / "asked").touch()
    print(json.dumps({"batch": 7}), flush=True)
    if "STUBBORN" not in os.environ:
        raise SystemExit

signal.signal(signal.SIGTERM, ends)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(here / f"child-{child.pid}").touch()
if sys.argv[1] != "work":
    raise SystemExit("no such table")
shared.ready()
while True:
    time.sleep(1)
"""


@dataclass(frozen=True)
class Made(Contender):
    """A contender whose program is the test's."""

    folder: Path = Path()

    @property
    def program(self) -> Path:
        return self.folder / "program.py"

    @property
    def children(self) -> list[int]:
        return [int(path.name.removeprefix("child-")) for path in self.folder.glob("child-*")]

    @property
    def asked(self) -> bool:
        return (self.folder / "asked").exists()


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], Made]:
    def make(name: str) -> Made:
        (tmp_path / "program.py").write_text(PROGRAM)
        return Made(name, ["sqlite"], [], [], "", {}, folder=tmp_path)

    return make


def runs(pid: int) -> bool:
    """Whether a process does something; one that has ended may stay until somebody asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_end(pids: list[int]) -> bool:
    """Whether these end, which takes the system a moment."""
    end = time.monotonic() + 5
    while any(runs(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.01)
    return bool(pids) and not any(runs(pid) for pid in pids)


def test_a_peers_workers_are_not_asked_to_end_and_their_children_end_with_them(made):
    peer = made("peer")
    with Workers(peer, "sqlite:///none", processes=2) as workers:
        going = [*workers.pids, *peer.children]
        assert len(going) == 4
        assert all(runs(pid) for pid in going)
    assert all_end(going)
    assert not peer.asked


def test_asyncqueues_worker_says_at_its_end_what_it_counted_and_its_children_end_too(made):
    ours = made("asyncqueue")
    with Workers(ours, "sqlite:///none") as workers:
        going = [*workers.pids, *ours.children]
    assert ours.asked
    assert workers.results == [{"batch": 7}]
    assert all_end(going)


def test_a_worker_that_does_not_end_when_it_is_asked_is_killed(made, monkeypatch):
    monkeypatch.setattr(programs, "_END", 0.3)
    ours = made("asyncqueue")
    with Workers(ours, "sqlite:///none", STUBBORN="1") as workers:
        going = [*workers.pids, *ours.children]
    assert ours.asked
    assert all_end(going)


@pytest.mark.parametrize("name", ["peer", "asyncqueue"])
def test_workers_end_when_their_block_fails(made, name):
    contender = made(name)
    workers = Workers(contender, "sqlite:///none", processes=2)
    with pytest.raises(ZeroDivisionError), workers:
        _ = 1 / 0
    assert len(contender.children) == 2
    assert all_end([*workers.pids, *contender.children])


def test_a_program_beside_a_block_ends_with_it(made, tmp_path):
    peer, path = made("peer"), str(tmp_path / "shared")
    with contextlib.closing(Shared.create(path)) as shared:
        with running(peer, "work", "sqlite:///none", BENCH_SHARED=path) as going_on:
            while not shared.ready_workers():
                time.sleep(0.01)
            assert going_on()
        assert all_end(peer.children)
    assert not peer.asked


def test_a_program_beside_a_block_that_fails_says_why(made):
    peer = made("peer")

    def wait() -> None:
        with running(peer, "enqueue", "sqlite:///none") as going_on:
            while going_on():
                time.sleep(0.01)

    with pytest.raises(ProgramFailed, match="peer enqueue: no such table"):
        wait()
    assert all_end(peer.children)


# -- results


def row(database: str, workload: str, run: int, rate: int = 1) -> dict[str, Any]:
    place = {"database": database, "workload": workload, "contender": "huey", "round": 0}
    return {**place, "run": run, "measured": {"rate": rate}}


def entry(date: str, **more: Any) -> dict[str, Any]:
    return {"date": date, "command": "", "machine": store.machine(), "servers": {}, "seconds": None, **more}


def held(folder: Path, *runs: dict[str, Any], rows: list[dict[str, Any]], durable: bool = True) -> None:
    """Let a folder have results."""
    store.write({"durable": durable, "durability": "", "runs": list(runs), "rows": rows}, folder)


OPTIONS = store.Options(["sqlite"], ["drain", "idle"], None, rounds=1, lone_rounds=1, quick=True)


def test_rows_of_older_runs_stay_until_the_new_one_has_measured_them(tmp_path):
    older = [row("sqlite", "drain", 0), row("sqlite", "idle", 1), row("mysql", "drain", 1)]
    held(tmp_path, entry("Monday"), entry("Tuesday"), rows=older)
    results = store.begin(tmp_path, OPTIONS, durable=True)
    assert results["rows"] == older
    results = store.add(results, [row("sqlite", "idle", -1, rate=2), row("sqlite", "idle", -1, rate=3)])
    assert results["rows"] == [
        row("sqlite", "drain", 0),
        row("mysql", "drain", 1),
        row("sqlite", "idle", 2, rate=2),
        row("sqlite", "idle", 2, rate=3),
    ]
    assert store.measured(results) == {("sqlite", "idle")}


def test_a_run_of_which_no_row_is_left_is_forgotten(tmp_path):
    older = [row("sqlite", "drain", 0), row("sqlite", "idle", 1), row("mysql", "drain", 2)]
    held(tmp_path, entry("Monday"), entry("Tuesday"), entry("Wednesday"), rows=older)
    results = store.begin(tmp_path, OPTIONS, durable=True)
    results = store.add(results, [row("sqlite", "idle", -1, rate=2)])
    assert [run["date"] for run in results["runs"][:-1]] == ["Monday", "Wednesday"]
    assert [each["run"] for each in results["rows"]] == [0, 1, 2]
    results = store.add(results, [row("sqlite", "drain", -1)])
    assert [run["date"] for run in results["runs"][:-1]] == ["Wednesday"]
    assert store.measured(results) == {("sqlite", "idle"), ("sqlite", "drain")}


def test_a_run_that_was_interrupted_at_once_is_forgotten_by_the_next(tmp_path):
    held(tmp_path, entry("Monday"), rows=[row("sqlite", "drain", 0)])
    store.write(store.begin(tmp_path, OPTIONS, durable=True), tmp_path)
    results = store.begin(tmp_path, replace(OPTIONS, rounds=7), durable=True)
    assert [run.get("options", {}).get("rounds") for run in results["runs"]] == [None, 7]


def test_results_are_replaced_as_a_whole(tmp_path):
    held(tmp_path, entry("Monday"), rows=[])
    before = (tmp_path / "results.json").read_text()
    (tmp_path / "kept").hardlink_to(tmp_path / "results.json")
    held(tmp_path, entry("Tuesday"), rows=[])
    assert (tmp_path / "kept").read_text() == before  # the file that was there is another one: none was written into
    assert "Tuesday" in (tmp_path / "results.json").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "results.json"]


def test_results_of_the_other_durability_are_not_mixed(tmp_path):
    held(tmp_path, entry("Monday"), rows=[row("sqlite", "drain", 0)], durable=False)
    with pytest.raises(typer.BadParameter, match=r"is of the other durability: name another folder with --out"):
        store.begin(tmp_path, OPTIONS, durable=True)


def test_a_resumed_run_has_its_options_and_counts_its_parts(tmp_path):
    begun = store.add(store.begin(tmp_path, OPTIONS, durable=True), [row("sqlite", "drain", -1)])
    store.write(begun, tmp_path)
    results = store.resume(tmp_path)
    assert store.Options(**results["runs"][-1]["options"]) == OPTIONS
    assert results["runs"][-1]["parts"] == 2
    assert store.measured(results) == {("sqlite", "drain")}


def test_no_run_goes_on_in_a_folder_without_results(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"results\.json does not exist.*: begin one without --resume"):
        store.resume(tmp_path)


@pytest.mark.parametrize("noted", [{"finished": True}, {}], ids=["noted", "of before that was noted"])
def test_no_run_goes_on_that_is_finished(tmp_path, noted):
    held(tmp_path, entry("Monday", finished=False), entry("Tuesday", **noted), rows=[row("sqlite", "drain", 0)])
    with pytest.raises(typer.BadParameter, match=r"is finished: measure anew without --resume, or .* with --out"):
        store.resume(tmp_path)


def test_no_run_goes_on_on_another_machine(tmp_path):
    other = {**store.machine(), "processor": "Z80"}
    held(tmp_path, entry("Monday", machine=other, finished=False, parts=1), rows=[])
    with pytest.raises(typer.BadParameter, match=r"another machine \(processor Z80\): go on there, or begin a new run"):
        store.resume(tmp_path)


# -- the command


def command(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "run", *options],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def rows_of(results: dict[str, Any], workload: str) -> list[dict[str, Any]]:
    last = len(results["runs"]) - 1
    return [each for each in results["rows"] if (each["run"], each["workload"]) == (last, workload)]


def interrupt_after(workload: str, folder: Path, number: signal.Signals, *options: str) -> tuple[dict[str, Any], str]:
    """Start a run and interrupt it in what comes after a workload. Returns its results and the last line it printed."""
    with command(*options, "--out", str(folder)) as process:
        while process.poll() is None:
            if (results := store.read(folder)) and results["runs"][-1].get("options") and rows_of(results, workload):
                process.send_signal(number)
                break
            time.sleep(0.01)
        output, _ = process.communicate()
    assert process.returncode == 128 + number, output
    return json.loads((folder / "results.json").read_text()), output.splitlines()[-1]


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    older = [row("sqlite", "drain", 0), row("mysql", "drain", 0), row("sqlite", "enqueue-one", 1)]
    held(tmp_path, entry("Monday", servers={"mysql": "MySQL 1", "sqlite": "SQLite 1"}), entry("Tuesday"), rows=older)
    chosen = [part for name in ("enqueue-one", "enqueue-bulk", "drain") for part in ("-w", name)]
    options = [*chosen, "-b", "sqlite", "-c", "asyncqueue", "--quick", "--rounds", "1"]
    hint = f"python -m benchmarks run --resume --out {tmp_path}"

    first, last_line = interrupt_after("enqueue-one", tmp_path, signal.SIGINT, *options)
    assert last_line.endswith(hint)
    assert [run["date"] for run in first["runs"][:-1]] == ["Monday"]
    assert first["rows"][:2] == older[:2]
    assert {each["workload"] for each in first["rows"][2:]} == {"enqueue-one"}
    assert {each["contender"] for each in first["rows"][2:]} == {"asyncqueue", "limit", "sqlite3"}
    assert not first["runs"][-1]["finished"]

    second, last_line = interrupt_after("enqueue-bulk", tmp_path, signal.SIGTERM, "--resume")
    assert last_line.endswith(hint)
    assert second["rows"][: len(first["rows"])] == first["rows"]
    assert {each["contender"] for each in rows_of(second, "enqueue-bulk")} == {"asyncqueue", "limit"}
    assert second["runs"][-1]["parts"] == 2

    with command("--resume", "--out", str(tmp_path)) as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output
    third = json.loads((tmp_path / "results.json").read_text())
    for name in ("enqueue-one", "enqueue-bulk"):
        assert rows_of(third, name) == rows_of(second, name)
    assert {each["contender"] for each in rows_of(third, "drain")} == {"asyncqueue", "limit"}
    assert [each for each in third["rows"] if each["run"] == 0] == [row("mysql", "drain", 0)]
    run = third["runs"][-1]
    assert (run["parts"], run["finished"]) == (3, True)
    assert first["runs"][-1]["seconds"] < second["runs"][-1]["seconds"] < run["seconds"]
    assert f"{run['seconds'] / 60:.0f} in 3 parts |" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["-b", "sqlite", "-w", "drain", "-c", "huey"], "--database, --workload, --contender"),
        (["--rounds", "5", "--lone-rounds", "1"], "--rounds, --lone-rounds"),
        (["--quick", "--relaxed"], "--quick, --relaxed"),
    ],
)
def test_a_run_goes_on_with_no_other_options(tmp_path, options, named):
    before = store.begin(tmp_path, OPTIONS, durable=True)
    store.write(before, tmp_path)
    with command("--resume", *options, "--out", str(tmp_path)) as process:
        output, _ = process.communicate()
    assert process.returncode == 2
    assert f"--resume has its options from the run it goes on with: leave out {named}" in output
    assert store.read(tmp_path) == before


def test_a_run_of_what_there_is_not_leaves_the_folder_as_it_was(tmp_path):
    with command("-b", "oracle", "--out", str(tmp_path / "new")) as process:
        output, _ = process.communicate()
    assert process.returncode == 2
    assert "'oracle' is no database: postgresql, mysql, mariadb, sqlite" in output
    assert not (tmp_path / "new").exists()
