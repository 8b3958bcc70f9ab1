"""Fixtures that give a test its database.

`database` runs a test on every dialect with both shapes of the task table and on one that is migrated;
`tests.servers.cases.cases` narrows that down. Servers start when a test first needs them: `-k sqlite` starts none.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers import LocalServer, ServerMissing, Servers, pgbouncer
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, Case, migrated, shaped
from tests.servers.database import Database
from tests.servers.databases import Databases
from tests.servers.installation import InstallationFailed
from tests.servers.postgresql import PostgreSQL, Standby

# A shell that starts the tests in the background has them ignore SIGINT, and nohup has them ignore SIGHUP. Each process
# that they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Without bytecode on disk, each of the thousands of commands that the tests start compiles every module again: 0.15 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


class _Findings:
    """Which servers there were, and which there were not and why: what the end of a run says."""

    def __init__(self) -> None:
        self.used: list[str] = []
        self.missing: list[str] = []

    def take_in(self, used: Iterable[str], missing: Iterable[str]) -> None:
        """Add what is new."""
        self.used = sorted({*self.used, *used})
        self.missing = sorted({*self.missing, *missing})


_SERVERS = pytest.StashKey[Servers]()
_FINDINGS = pytest.StashKey[_Findings]()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The database servers of this run."""
    return pytestconfig.stash[_SERVERS]


@pytest.fixture(scope="session")
def databases(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The databases of this run. Tests ask for one by the fixtures below."""
    made = Databases(servers, tmp_path_factory.mktemp("sqlite"))
    yield made
    made.close()


@pytest.fixture(params=[*shaped(), *migrated()], ids=str)
def database(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Database:
    """A database with the task table as Django's migrations leave it: no rows, no indexes; or brought to level 1.

    Not for other DDL.
    """
    with _server_needed():
        return databases.kept(request.param, tmp_path)


@pytest.fixture(params=shaped(), ids=str)
def fresh_database(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Database]:
    """A new database with the task table, for tests that change the schema."""
    with _server_needed():
        made = databases.fresh(request.param, tmp_path)
    yield made
    databases.discard(made)


@pytest.fixture(params=[Case(dialect) for dialect in DIALECTS], ids=str)
def empty_database(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Database]:
    """A new database without a table."""
    with _server_needed():
        made = databases.empty(request.param, tmp_path)
    yield made
    databases.discard(made)


@pytest.fixture
def restartable(servers: Servers) -> Callable[[str], LocalServer]:
    """Gives the server of a dialect that a test may stop and start, running; no other test's database is in it."""

    def get(dialect: str) -> LocalServer:
        with _server_needed():
            server = servers.restartable(dialect)
        if not server.running:
            server.start()
        return server

    return get


@pytest.fixture(params=shaped(SERVER_DIALECTS, [10]), ids=str)
def restartable_database(
    request: pytest.FixtureRequest, restartable: Callable[[str], LocalServer], databases: Databases, tmp_path: Path
) -> Iterator[tuple[Database, LocalServer]]:
    """A new database with the task table, and the server it is in, which the test may stop and start."""
    server = restartable(request.param.dialect)
    made = databases.fresh(request.param, tmp_path, server)
    yield made, server
    if not server.running:
        server.start()
    databases.discard(made)


@pytest.fixture
def replicated(servers: Servers) -> Iterator[tuple[PostgreSQL, Standby]]:
    """A primary and its standby, for a test that stops the one and promotes the other."""
    with _server_needed():
        primary, standby = servers.replicated()
    yield primary, standby
    standby.close()
    primary.close()


@pytest.fixture
def pooled() -> Callable[[str, str], AbstractContextManager[str]]:
    """Puts a PgBouncer before a PostgreSQL database: `with pooled(url, "transaction") as url:`."""
    with _server_needed():
        try:
            pgbouncer.installation()
        except InstallationFailed as error:
            raise ServerMissing(f"no PgBouncer: {error}") from error
    return pgbouncer.pooled


@contextmanager
def _server_needed() -> Iterator[None]:
    """A missing server fails a run in CI; elsewhere the tests that need it are skipped, and the run's end says so."""
    try:
        yield
    except ServerMissing as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SERVERS] = Servers()
    config.stash[_FINDINGS] = _Findings()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch now what the chosen tests need and the machine lacks: a download takes longer than a test may."""
    if session.config.option.collectonly:
        return
    parameters = [value for item in session.items for value in _parameters(item)]
    for dialect in SERVER_DIALECTS:
        if any(isinstance(value, Case) and value.dialect == dialect for value in parameters):
            session.config.stash[_SERVERS].prepare(dialect)
    if any("pooled" in getattr(item, "fixturenames", ()) for item in session.items):
        with suppress(InstallationFailed):
            pgbouncer.installation()


def _parameters(item: pytest.Item) -> list[object]:
    return (
        list(item.callspec.params.values()) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else []
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write lone surrogates that a test has printed as escapes: they cannot be sent to the process with the reports."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take down which servers the tests were run on, in each of the processes that run them."""
    servers, findings = session.config.stash[_SERVERS], session.config.stash[_FINDINGS]
    findings.take_in([f"{each.product} {each.version}, {each.origin}" for each in servers.used], servers.missing)
    if _one_of_many(session.config):
        session.config.workeroutput["findings"] = findings.used, findings.missing  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take in what one of the processes that run tests has found; one that crashed says nothing."""
    node.config.stash[_FINDINGS].take_in(*getattr(node, "workeroutput", {}).get("findings", ((), ())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which servers these results are of."""
    if used := config.stash[_FINDINGS].used:
        terminalreporter.section("database servers")
        for line in used:
            terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers, whatever ended the run, and close with what was skipped."""
    config.stash[_SERVERS].close()
    if not os.environ.get("CI") and not _one_of_many(config):
        for why in config.stash[_FINDINGS].missing:
            config.get_terminal_writer().line(f"Skipped tests: {why}", yellow=True)


def _one_of_many(config: pytest.Config) -> bool:
    """Whether this is one of several processes that run tests (`-n`), while another one shows what comes of them."""
    return hasattr(config, "workerinput")
