"""Workloads of asyncqueue alone, each against an earlier or smaller state of itself."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.catalogue import Contender
from benchmarks.probe import Probe
from benchmarks.programs import Workers
from benchmarks.servers import Place
from benchmarks.workloads import Measured, Site, Size, site, until_drained

_FIRST = 20_000
#: Tasks that run after one, or before one.
_FAN = 10_000
TABLE = "django_simple_queue_task"
#: Rows that have ended, made by the database itself, so many at a time.
_CHUNK = 250_000


def backlog(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate of the first 20,000 tasks with so many queued, against the best of small queues."""
    with site(contender, place) as at:
        rates = {"1,000": statistics.median(_go(at, 1_000) for _ in range(7)), "20,000": _go(at, _FIRST)}
    for queued in (100_000, 1_000_000) if size.drain >= _FIRST else (100_000,):
        with site(contender, place) as at:
            at.enqueue("bulk", queued)
            rates[f"{queued:,}"] = _rate(at, _FIRST)
    small = max(rates["1,000"], rates["20,000"])
    return {"rates": rates, "lowest_share": min(rate / small for name, rate in rates.items() if len(name) > 6)}


def finished(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate with 20,000 queued in a table of millions of finished rows, against a table of nothing else."""
    ended = 5_000_000 if size.drain >= _FIRST else 200_000
    with site(contender, place) as at:
        at.enqueue("bulk", _FIRST)
        alone = _rate(at, _FIRST)
    with site(contender, place) as at:
        fill_ended(at, ended)
        at.enqueue("bulk", _FIRST)
        beside = _rate(at, _FIRST)
    return {"rates": {"0": alone, f"{ended:,}": beside}, "share": beside / alone}


def levels(contender: Contender, place: Place, size: Size) -> Measured:
    """The first 60,000 of 100,000 rows: over three queues and five priorities, against the table as Django makes it."""
    # Many rounds, because what is looked for is a tenth, and rounds of a busy machine differ by a third: most where one
    # takes seconds.
    many = 25 if place.dialect == "sqlite" else 9
    queued, first, rounds = (100_000, 3 * _FIRST, many) if size.drain >= _FIRST else (_FIRST, size.drain, 5)
    rates: dict[str, list[float]] = {"level 0": [], "level 1": [], "level 1, spread": []}
    for _ in range(rounds):
        with site(contender, place, BENCH_LEVEL="0") as at:
            at.enqueue("bulk", queued)
            rates["level 0"].append(_rate(at, first))
        with site(contender, place) as at:
            at.enqueue("bulk", queued)
            rates["level 1"].append(_rate(at, first))
        with site(contender, place) as at:
            at.enqueue("bulk", queued, BENCH_SPREAD="1")
            rates["level 1, spread"].append(_rate(at, first))

    def ratios(name: str) -> list[float]:
        return [one / zero for one, zero in zip(rates[name], rates["level 0"], strict=True)]

    return {
        "rates": {name: statistics.median(each) for name, each in rates.items()},
        "ratios": ratios("level 1, spread"),
        "plain_ratios": ratios("level 1"),
        "share": statistics.median(ratios("level 1, spread")),
        "plain_share": statistics.median(ratios("level 1")),
    }


def scheduled(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate of 20,000 tasks beside a million that are due tomorrow, against the rate without them."""
    future = 1_000_000 if size.drain >= _FIRST else 100_000
    return _beside(contender, place, future, lambda at: at.enqueue("bulk", future, BENCH_DELAY="86400"))


def limited(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate of 20,000 tasks beside 100,000 that a limit holds back, against the rate without them."""
    held = 100_000 if size.drain >= _FIRST else 10_000
    return _beside(contender, place, held, lambda at: at.enqueue("bulk", held, BENCH_HELD="1"))


def _beside(contender: Contender, place: Place, others: int, enqueue: Callable[[Site], object]) -> Measured:
    """The rate of 20,000 tasks beside so many others that may not run now, against the rate without them."""
    rates: dict[str, list[float]] = {"0": [], f"{others:,}": []}
    for _ in range(3):
        for name, number in zip(rates, (0, others), strict=True):
            with site(contender, place) as at:
                if number:
                    enqueue(at)
                at.enqueue("bulk", _FIRST)
                rates[name].append(_rate(at, _FIRST))
    alone, beside = rates.values()
    ratios = [one / other for one, other in zip(beside, alone, strict=True)]
    return {
        "rates": {name: statistics.median(each) for name, each in rates.items()},
        "ratios": ratios,
        "share": statistics.median(ratios),
    }


def fan(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate of 10,001 tasks of which all but one run after the first, or the last after all others."""
    rates: dict[str, list[float]] = {"none": [], "out": [], "in": []}
    for _ in range(3):
        for how, found in rates.items():
            with site(contender, place) as at:
                at.enqueue("bulk", _FAN + 1, BENCH_FAN=how)
                found.append(_rate(at, _FAN + 1))
    alone, *fans = rates.values()
    ratios = [min(each) / most for most, *each in zip(alone, *fans, strict=True)]
    return {
        "rates": {name: statistics.median(each) for name, each in rates.items()},
        "seconds": {name: (_FAN + 1) / statistics.median(each) for name, each in rates.items()},
        "ratios": ratios,
        "share": statistics.median(ratios),
    }


def held_snapshot(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate before another session holds an old transaction open, and at the end of five minutes of churn.

    One worker all the while. Whenever its queue is empty it gets 20,000 tasks more.
    """
    seconds = 300 if size.drain >= _FIRST else 20
    rates: list[float] = []
    with site(contender, place) as at, Workers(contender, at.url) as workers:
        workers.shared.open_gate()
        before = statistics.median(_feed(at, workers, _FIRST) for _ in range(7))
        holder = Probe(at.url)
        try:
            _hold(holder, at.dialect)
            end = time.monotonic() + seconds
            while time.monotonic() < end or len(rates) < 7:
                rates.append(_feed(at, workers, _FIRST))
        finally:
            holder.close()
    after = statistics.median(rates[-7:])
    return {"before": before, "during": rates, "churned": len(rates) * _FIRST, "share": after / before}


def idle(contender: Contender, place: Place, size: Size) -> Measured:
    """Statements and processor time a second of a worker that finds nothing, and its memory after a drain."""
    measured: Measured = {}
    for concurrency in (50, 500):
        with site(contender, place) as at, Workers(contender, at.url, concurrency=concurrency) as workers:
            began = workers.shared.open_gate()
            at.enqueue("bulk", _FIRST)
            until_drained(at, workers, _FIRST, began, 60)
            measured[f"memory_mb_{concurrency}"] = workers.memory()
            if concurrency == 50:
                if at.dialect == "postgresql":  # whose counter has autovacuum's transactions, too
                    at.probe.rows(f"VACUUM ANALYZE {TABLE}")
                time.sleep(12)  # until the polls have reached their slowest
                seconds = 60  # what is done once a minute counts as often as it is done
                statements, cpu = _statements(at), workers.cpu()
                time.sleep(seconds)
                # One of them is the first question.
                measured["statements"] = max(0.0, _statements(at) - statements - 1) / seconds
                measured["cpu_percent"] = (workers.cpu() - cpu) / seconds * 100
    return measured


def scale_out(contender: Contender, place: Place, size: Size) -> Measured:
    """The rate of 1, 2, 4 and 8 worker processes together."""
    rates, exchanges = {}, {}
    for processes in (1, 2, 4, 8):
        with site(contender, place) as at:
            at.enqueue("bulk", 5 * _FIRST)
            workers = Workers(contender, at.url, processes=processes)
            # Not from the first task on: eight processes that connect at once take a while to do so.
            rates[str(processes)] = _rate_of(workers, 5 * _FIRST, after=_FIRST)
            exchanges[str(processes)] = {
                "mean_ms": statistics.mean(result["exchange_ms"] for result in workers.results),
                "slowest_ms": max(result["slowest_ms"] for result in workers.results),
                "batch": statistics.mean(result["batch"] for result in workers.results),
            }
    return {
        "rates": rates,
        "exchanges": exchanges,
        "two_to_one": rates["2"] / rates["1"],
        "eight_to_two": rates["8"] / rates["2"],
    }


def _rate(at: Site, tasks: int) -> float:
    """Tasks a second for so many of those that are queued."""
    return _rate_of(Workers(at.contender, at.url), tasks)


def _rate_of(workers: Workers, tasks: int, *, after: int = 0) -> float:
    with workers:
        began, first = workers.shared.open_gate(), 0
        while (done := workers.shared.count()) < tasks:
            if first < after <= done:
                began, first = time.monotonic_ns(), done
            workers.check()
            time.sleep(0.001)
        return (done - first) / (time.monotonic_ns() - began) * 1e9


def _feed(at: Site, workers: Workers, tasks: int) -> float:
    """Tasks a second, from the first to the last of so many that a waiting worker is given at once."""
    before = workers.shared.count()
    with ThreadPoolExecutor(1) as pool:
        giving = pool.submit(at.enqueue, "bulk", tasks)
        while (first := workers.shared.count()) == before:
            workers.check()
            if giving.done():
                giving.result()
            time.sleep(0.001)
        began = time.monotonic_ns()
        while workers.shared.count() < before + tasks:
            workers.check()
            time.sleep(0.001)
        ended = time.monotonic_ns()
    return (before + tasks - first) / (ended - began) * 1e9


def _go(at: Site, tasks: int) -> float:
    at.enqueue("bulk", tasks)
    return _rate(at, tasks)


def fill_ended(at: Site, rows: int) -> None:
    """Make so many rows that have ended."""
    made = 0
    while made < rows:
        number = min(_CHUNK, rows - made)
        at.probe.rows(_ENDED[at.dialect].format(table=TABLE, rows=number))
        made += number
    at.probe.rows(
        {"postgresql": "VACUUM ANALYZE {}", "sqlite": "ANALYZE {}"}.get(at.dialect, "ANALYZE TABLE {}").format(TABLE)
    )


_ENDED = {
    "postgresql": (
        "INSERT INTO {table} (id, created, modified, task, args, status, output) SELECT gen_random_uuid(), now(), "
        "now() - n * interval '1 millisecond', 'app.tasks.done', '{{}}', 2, 'done' FROM generate_series(1, {rows}) AS n"
    ),
    "mysql": (
        "INSERT INTO {table} (id, created, modified, task, args, status, output) "
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
        "SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ "
        "LEFT(SHA2(CONCAT(UUID(), i), 256), 32), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL i SECOND, "
        "'app.tasks.done', '{{}}', 2, 'done' FROM n"
    ),
    "mariadb": (
        "INSERT INTO {table} (id, created, modified, task, args, status, output) SELECT UUID(), UTC_TIMESTAMP(6), "
        "UTC_TIMESTAMP(6) - INTERVAL seq SECOND, 'app.tasks.done', '{{}}', 2, 'done' FROM seq_1_to_{rows}"
    ),
    "sqlite": (
        "INSERT INTO {table} (id, created, modified, task, args, status, output) "
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
        "SELECT lower(hex(randomblob(16))), datetime('now'), "
        "datetime('now', '-' || i || ' seconds'), 'app.tasks.done', '{{}}', 2, 'done' FROM n"
    ),
}


def _hold(probe: Probe, dialect: str) -> None:
    """Begin a transaction that sees the table as it is now, and go away without ending it."""
    begin = {
        "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "sqlite": "BEGIN",
    }.get(dialect, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
    probe.rows(begin)
    probe.rows(f"SELECT count(*) FROM {TABLE}")


def _statements(at: Site) -> float:
    """How many statements the server has run; SQLite counts none."""
    if at.dialect == "postgresql":
        time.sleep(1.2)  # the server's counters come a second late
        sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        return float(at.probe.value(sql))
    if at.dialect == "sqlite":
        return 0.0
    return float(at.probe.rows("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])
