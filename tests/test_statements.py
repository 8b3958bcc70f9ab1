"""The SQL files: that they say what they take, and that the dialects say the same."""

from __future__ import annotations

import pytest

from asyncqueue.backends.common.statements import StatementError, colon, dollar, load, parse, pyformat, render

DIALECTS = ("postgresql", "mysql", "sqlite")

#: Statements that not every dialect has: the dialects that do, and why.
NOT_EVERYWHERE = {
    "commit": ({"mysql"}, "sent in one packet with the last statement; SQLite's driver has a method"),
    "savepoint": ({"mysql"}, "a part of the caller's transaction; the other drivers have methods"),
    "release_savepoint": ({"mysql"}, "likewise"),
    "undo_savepoint": ({"mysql"}, "likewise"),
    "still_free": ({"mysql"}, "proves the locks of a claim, which is one statement elsewhere"),
    "whereabouts": ({"mysql"}, "likewise"),
    "unreadable": (
        {"mysql", "sqlite"},
        "what `fail_unreadable` fails there beside what a claim or a rescue comes upon",
    ),
    "ready": ({"mysql", "sqlite"}, "the first half of a claim; PostgreSQL claims with one UPDATE ... RETURNING"),
    "expired": ({"mysql", "sqlite"}, "the first half of a rescue, likewise"),
    "lock": ({"mysql"}, "the first half of cancel and requeue, because MySQL cannot return what it updates"),
    "still_claimed": ({"mysql"}, "MySQL cannot return what it updated, and recovers a claim whose reply was lost"),
    "clock": (
        {"mysql", "postgresql"},
        "known before a claim's UPDATE is sent, or a COPY; SQLite's clock is the host's",
    ),
    "enqueue_one": (
        {"postgresql", "mysql"},
        "`enqueue` takes arrays or JSON there, which a single row need not go through",
    ),
    "notify": ({"postgresql"}, "NOTIFY exists there alone"),
    "session": ({"mysql"}, "settings of a new connection; asyncpg's are part of its connect()"),
    "isolation": ({"mysql"}, "likewise"),
    "give_up": ({"mysql"}, "likewise"),
    "binary_log": ({"mysql"}, "likewise"),
    "log_rows": ({"mysql"}, "likewise"),
    "busy_timeout": ({"sqlite"}, "settings of a file"),
    "journal_mode": ({"sqlite"}, "likewise"),
    "synchronous": ({"sqlite"}, "likewise"),
    "log_limit": ({"sqlite"}, "likewise"),
    "checkpoint": ({"sqlite"}, "the servers fold their logs by themselves"),
    "checkpoints_on": ({"sqlite"}, "likewise"),
    "checkpoints_off": ({"sqlite"}, "likewise"),
    "ready_apart": ({"mysql"}, "how InnoDB's locks are kept off dead index entries"),
    "count_queued": ({"mysql"}, "likewise"),
    "count_up_to": ({"mysql"}, "a small table is written anew when it gets columns, which saves the others nothing"),
    "any_queued": ({"mysql"}, "a claim is several statements there, and one elsewhere"),
    "data_version": ({"sqlite"}, "how an idle worker sees a commit"),
    "listen_ping": ({"postgresql"}, "LISTEN exists there alone"),
    "array_types": ({"postgresql"}, "arrays exist there alone"),
    "schema_of_table": ({"postgresql"}, "a search path exists there alone"),
    "creation_schema": ({"postgresql"}, "likewise"),
    "database_of_table": ({"mysql"}, "whether names that differ in case are the same is a server's option there alone"),
    "lock_migration": ({"postgresql", "mysql"}, "SQLite's BEGIN IMMEDIATE keeps other migrations out"),
    "unlock_migration": ({"mysql"}, "PostgreSQL's lock ends with its transaction"),
    "keep_migration": ({"postgresql"}, "likewise"),
    "lock_table": ({"postgresql"}, "MySQL's DDL ends a transaction; SQLite's has the database for itself"),
    "create_running_index": ({"postgresql", "sqlite"}, "MySQL has no partial indexes; one index serves both"),
    "exchange": ({"postgresql"}, "the others run `finish`, `ready` and `claim` in one transaction"),
    "drop_running_index": ({"postgresql", "sqlite"}, "MySQL has no such index"),
    **{
        f"{verb}_notify_{what}": ({"postgresql"}, "NOTIFY exists there alone")
        for verb in ("create", "drop")
        for what in ("function", "trigger")
    },
    "lock_timeout": ({"postgresql", "mysql"}, "SQLite's migration is one transaction like any other"),
    "list_buckets": ({"mysql"}, "PostgreSQL's exchange finds buckets and claims from them in one statement"),
    "top_priorities": ({"sqlite"}, "its look, at what comes next only: a round trip costs nothing there"),
    "top_priority": ({"sqlite"}, "the same for one queue, where a worker serves some"),
    "next_due": ({"sqlite"}, "part of the look elsewhere"),
    "until_due": ({"postgresql", "mysql"}, "SQLite reads `next_due`: its clock is the host's"),
    "scheduled": ({"sqlite"}, "the first half of `advance`; the servers can count with microseconds"),
    "due": ({"mysql", "sqlite"}, "the first half of a promotion; PostgreSQL promotes with one UPDATE"),
    "wait_for_slot": ({"mysql", "sqlite"}, "part of `promote` on PostgreSQL"),
    "strays": ({"mysql"}, "the first half of `release_strays`, because MySQL cannot return what it updates"),
    "lock_renewable": ({"mysql"}, "the first half of a renewal, because an UPDATE cannot skip locked rows"),
    "locked": ({"postgresql"}, "SQLite has no locks on rows; MySQL asks for those that are free, see `lockable`"),
    "lockable": ({"mysql"}, "the half of `locked`: an outer query there does not see what a subquery has skipped"),
    "lock_claims": ({"mysql"}, "the first half of `end_attempts`, because MySQL cannot return what it updates"),
    "record": ({"sqlite"}, "part of `end_attempts` on PostgreSQL; one row at a time here"),
    "record_attempts": ({"mysql"}, "likewise; many rows at once there"),
    "noted_keys": ({"mysql", "sqlite"}, "PostgreSQL's `hold_keys` returns what it finds"),
    "holders_now": (
        {"mysql", "postgresql"},
        "where a transaction of the caller's own may not see what was committed meanwhile",
    ),
    "reads_latest": ({"postgresql"}, "on MySQL no statement tells the isolation level of a transaction"),
    "rollback": ({"mysql"}, "the drivers of the others have a method"),
    "lock_keys": ({"mysql"}, "the first half of `delete_keys`, because a DELETE there waits for every row"),
    "create_duty": ({"mysql"}, "an upsert tells PostgreSQL and SQLite whether it did anything"),
    "prunable_buckets": ({"mysql"}, "its clean-up goes by bucket, because its one index of level 1 begins with them"),
    "enqueue_plain": ({"sqlite"}, "elsewhere a table that is not migrated takes `enqueue` without some lines"),
}

#: Parameters that stand for the same value in another form: what they become to be compared, and why.
FORMS = {
    # PostgreSQL takes one array a column, SQLite one row an execution: the plural is the singular of many.
    "ids": {"id"},
    "tokens": {"token"},
    "statuses": {"status"},
    "outputs": {"output"},
    "errors": {"error"},
    "logs": {"log"},
    "keeps": {"keep"},
    "offsets": {"offset"},
    "texts": {"text"},
    "tasks": {"task"},
    "queued_ats": {"queued_at"},
    "queues": {"queue"},
    "priorities": {"priority"},
    "delays": {"delay"},
    "run_ats": {"run_at"},
    "starteds": {"started"},
    "attempts": {"attempt"},
    "losts": {"lost"},
    "predecessor_ids": {"predecessor_id"},
    "on_failures": {"on_failure"},
    "unique_keys": {"unique_key"},
    "limit_keys": {"limit_key"},
    "starts": {"start"},
    "counts": {"count"},
    "names": {"name"},
    "positions": {"position"},
    "states": {"state"},
    "task_ids": {"task_id"},
    "held_fors": {"held_for"},
}

#: Statements in which such a name stands for something else.
NO_FORM = {("beat", "queues"), ("claim", "rowids"), ("cleanup", "rowids"), ("objects", "names")}

#: What MySQL's `rows`, one JSON text because it has no arrays, holds in each statement.
ROWS = {
    "append_log": {"id", "token", "started", "offset", "text"},
    "append_output": {"id", "token", "offset", "text"},
    "cancel_waiting": {"id", "error"},
    "close_edges": {"id", "predecessor_id"},
    "insert_edges": {"id", "predecessor_id", "position", "on_failure"},
    "delete_keys": {"unique_key", "id"},
    "end_attempts": {"id", "status", "keep", "output", "error", "log", "delay", "attempt", "lost"},
    "enqueue": {*("id", "task", "args", "queue", "priority", "delay", "run_at", "max_attempts", "links", "limit_key")},
    "finish": {"id", "token", "status", "keep", "output", "error", "log"},
    "finished": {"id", "status", "keep", "output", "error"},
    "still_claimed": {"id", "token"},
    "hold_keys": {"unique_key", "id", "held_for"},
    "take_keys": {"unique_key", "id", "held_for"},
    "replace": {
        *("id", "task", "args", "queue", "priority", "delay", "run_at", "max_attempts", "links", "limit_key"),
        *("unique_key", "held_for"),
    },
    "lock_claims": {"id", "token"},
    "lock_keys": {"unique_key", "id"},
    "admit": {"task_id", "position"},
    "drop_slots": {"id"},
    "hand_back": {"id", "token", "limit_key"},
    "leave_slots": {"task_id"},
    "put_off": {"id", "token", "error", "delay", "patience"},
    "not_put_off": {"id", "token"},
    "wait_for_slot": {"id", "task", "limit_key", "precedence", "queue"},
    "limited_tasks": {"task_id"},
    "declared": {"name"},
    "wait_again": {"task_id"},
    "release_slots": {"id"},
    "suspend_unserved": {"task_id"},
    "record_extra_start": {"id", "start"},
    "lock_limits": {"name"},
    "note_starts": {"id", "state", "start"},
    "taken_slots": {"state", "limit_key"},
    "slots_of": {"task_id"},
    "take_slots": {"id"},
    "promote": {"id", "position", "aside"},
    "record_attempts": {"id", "status", "lost", "error", "log"},
    "recorded": {"id", "started"},
    "release": {"id", "token", "queued_at"},
    "lock_renewable": {"id", "token"},
    "still_expired": {"id", "token"},
}

#: Parameters of one dialect that the others do without: statement, dialect, parameters, and why.
DIFFERENCES = [
    ("claim", "postgresql", {"limit", "cursor"}, "it selects too; elsewhere `ready` does, and `claim` gets the ids"),
    ("claim", "mysql", {"id", "now"}, "likewise, and the token is known beforehand"),
    ("claim", "sqlite", {"rowids", "now"}, "likewise, rows being known by their place"),
    ("claim", "mysql", {"worker"}, "at level 1; PostgreSQL claims by `exchange` there"),
    ("claim", "sqlite", {"worker"}, "likewise"),
    ("beat", "sqlite", {"now_utc"}, "the clock is the host's"),
    ("leave", "sqlite", {"day_ago"}, "likewise"),
    ("declare_ticks", "sqlite", {"now_utc", "just_now", "soon"}, "likewise"),
    ("expire_ticks", "postgresql", {"expiry"}, "the clock is the server's"),
    ("expire_ticks", "mysql", {"expiry"}, "likewise"),
    ("expire_ticks", "sqlite", {"cutoff_utc"}, "the clock is the host's"),
    (
        *("tick", "postgresql", {"task", "args", "queue", "priority", "channel"}),
        "it inserts the row too; elsewhere `enqueue` does, in the same transaction",
    ),
    ("take_duty", "postgresql", {"every"}, "its clock decides"),
    ("take_duty", "mysql", {"every"}, "likewise"),
    ("take_duty", "sqlite", {"now_utc", "due", "latest"}, "the clock is the host's"),
    ("extend_duty", "sqlite", {"due"}, "likewise"),
    ("extend_duty", "postgresql", {"every"}, "its clock decides"),
    ("extend_duty", "mysql", {"every"}, "likewise"),
    ("cancel", "postgresql", {"channel"}, "it notifies the workers that run such a row"),
    ("due", "mysql", {"candidates"}, "candidates are read without locks first; the clock is the server's"),
    ("due", "sqlite", {"now_utc"}, "the clock is the host's"),
    ("promote", "postgresql", {"limit"}, "it selects too; elsewhere `due` does"),
    ("promote", "mysql", {"id", "position", "aside", "utc_offset"}, "likewise"),
    ("promote", "sqlite", {"rowid", "modified", "status"}, "likewise, and the clock is the host's"),
    ("wait_for_slot", "sqlite", {"now_utc"}, "the clock is the host's"),
    ("admit", "postgresql", {"position", "channel"}, "it notifies idle workers in the same statement"),
    ("admit", "mysql", {"position", "utc_offset"}, "naive times are in a zone"),
    ("admit", "sqlite", {"now"}, "one row at a time, each later than the one before; the clock is the host's"),
    ("hand_back", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("hand_back", "sqlite", {"now", "now_utc"}, "the clock is the host's"),
    ("put_off", "postgresql", {"delay", "patience"}, "the clock is the server's"),
    ("put_off", "mysql", {"delay", "patience", "utc_offset"}, "likewise, and naive times are in a zone"),
    (
        "put_off",
        "sqlite",
        {"patience", "due_utc", "over_utc", "since_utc", "now", "now_utc"},
        "the clock is the host's",
    ),
    ("add_limit", "sqlite", {"then_utc"}, "the clock is the host's"),
    ("add_limit", "postgresql", {"age"}, "the clock is the server's"),
    ("add_limit", "mysql", {"age"}, "likewise"),
    ("change_limit", "sqlite", {"then_utc"}, "the clock is the host's"),
    ("change_limit", "postgresql", {"age"}, "the clock is the server's"),
    ("change_limit", "mysql", {"age"}, "likewise"),
    ("wait_again", "sqlite", {"now_utc"}, "the clock is the host's"),
    ("served_queues", "sqlite", {"now_utc"}, "the clock is the host's"),
    ("suspend_unserved", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("suspend_unserved", "sqlite", {"now"}, "the clock is the host's"),
    ("record_extra_start", "postgresql", {"start"}, "an instant of the server's clock"),
    ("record_extra_start", "mysql", {"start"}, "likewise"),
    ("record_extra_start", "sqlite", {"start_utc"}, "likewise, of the host's, as text"),
    ("note_starts", "postgresql", {"start"}, "an instant of the server's clock"),
    ("note_starts", "mysql", {"start"}, "likewise"),
    ("note_starts", "sqlite", {"start_utc"}, "likewise, of the host's, as text"),
    ("take_slots", "sqlite", {"now_utc"}, "the clock is the host's"),
    ("advance", "postgresql", {"microseconds"}, "all rows at once"),
    ("advance", "mysql", {"microseconds"}, "likewise"),
    ("advance", "sqlite", {"rowid", "run_after"}, "one row at a time, because its arithmetic knows no microseconds"),
    ("renew", "postgresql", {"token"}, "it locks and updates at once"),
    ("renew", "sqlite", {"token"}, "nobody else writes meanwhile"),
    ("end_attempts", "postgresql", {"token", "delay"}, "it locks and updates at once; the clock is the server's"),
    ("end_attempts", "mysql", {"delay", "utc_offset"}, "`lock_claims` has fenced its rows; the clock is the server's"),
    ("end_attempts", "sqlite", {"token", "run_after", "now"}, "the clock is the host's"),
    ("enqueue", "postgresql", {"delay", "run_at"}, "its clock decides what is scheduled"),
    ("enqueue", "mysql", {"delay", "run_at"}, "likewise"),
    ("enqueue", "sqlite", {"status", "run_after"}, "the clock is the host's"),
    ("objects", "postgresql", {"names", "table"}, "names are looked for on the search path; triggers are of a table"),
    ("objects", "mysql", {"schema"}, "a qualified name is not one value there"),
    ("still_expired", "postgresql", {"foreign_lease"}, "its instants need no zone"),
    ("still_expired", "mysql", {"foreign_cutoff"}, "naive times are in a zone, which Python applies"),
    ("still_expired", "sqlite", {"foreign_cutoff", "now_utc"}, "likewise, and the clock is the host's"),
    ("release_strays", "postgresql", {"worker", "held", "lease"}, "it selects too; elsewhere `strays` does"),
    ("release_strays", "mysql", {"id"}, "`strays` has locked its rows"),
    ("release_strays", "sqlite", {"worker", "held", "cutoff"}, "naive times are in a zone"),
    ("overdue", "postgresql", {"foreign_lease"}, "its instants need no zone"),
    ("overdue", "mysql", {"cutoff", "foreign_cutoff", "latest"}, "naive times are in a zone, which Python applies"),
    ("overdue", "sqlite", {"cutoff", "foreign_cutoff", "latest", "now_utc"}, "likewise"),
    ("expired", "mysql", {"candidates"}, "candidates are read without locks first"),
    ("ready", "mysql", {"cursor"}, "SQLite removes index entries at once, whoever reads an old snapshot"),
    ("ready", "sqlite", {"skip"}, "it reads all rows of a claim before it marks the first"),
    (
        "rescue",
        "postgresql",
        {"lease", "limit", "skip", "held"},
        "it selects too; `lost` does so elsewhere",
    ),
    ("rescue", "mysql", {"id", "utc_offset"}, "likewise, and naive times are in a zone"),
    ("rescue", "sqlite", {"id", "now"}, "likewise, and the clock is the host's"),
    ("cleanup", "postgresql", {"completed", "failed", "cancelled"}, "it looks again at what `prunable` has not locked"),
    (
        "cleanup",
        "sqlite",
        {"rowids", "completed", "failed", "cancelled", "now"},
        "likewise, and rows are known by their place",
    ),
    ("cleanup", "postgresql", {"id"}, "it has no place that stays"),
    ("cleanup", "mysql", {"id"}, "`prunable` has locked them"),
    ("prunable", "postgresql", {"after", "completed", "failed", "cancelled"}, "it reads all rows in their order"),
    ("prunable", "sqlite", {"after", "completed", "failed", "cancelled"}, "likewise"),
    (
        "prunable",
        "mysql",
        {"status", "queue", "priority", "cutoff", "now"},
        "it reads what is old by the index that claims have",
    ),
    ("enqueue", "postgresql", {"channel"}, "it notifies idle workers in the same statement"),
    ("enqueue", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("enqueue_one", "mysql", {"utc_offset"}, "likewise"),
    ("enqueue", "sqlite", {"created", "modified"}, "the clock is the host's"),
    ("replace", "postgresql", {"unique_key", "held_for"}, "`take_keys` does that on SQLite"),
    ("replace", "mysql", {"unique_key", "held_for"}, "likewise"),
    ("replace", "postgresql", {"delay", "run_at", "channel"}, "its clock decides what is scheduled; it notifies"),
    ("replace", "mysql", {"delay", "run_at", "utc_offset"}, "likewise; naive times are in a zone"),
    ("replace", "sqlite", {"status", "run_after", "modified"}, "the clock is the host's"),
    ("finish", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("fail_unreadable", "postgresql", {"limit"}, "it finds the rows itself, by their times"),
    ("fail_unreadable", "mysql", {"id", "utc_offset"}, "it is told which rows; naive times are in a zone"),
    (
        "fail_unreadable",
        "sqlite",
        {"id", "as_text", "now"},
        "likewise, and ids may be no text; the clock is the host's",
    ),
    ("ready", "sqlite", {"as_text"}, "no other database has texts that are not in their encoding"),
    ("cancel", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("cancel", "sqlite", {"now"}, "the clock is the host's"),
    ("requeue", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("requeue", "sqlite", {"now", "now_utc"}, "the clock is the host's"),
    ("resolve", "postgresql", {"channel"}, "it notifies idle workers"),
    ("resolve", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("resolve", "sqlite", {"modified", "now_utc"}, "the clock is the host's"),
    ("cancel_waiting", "mysql", {"utc_offset"}, "naive times are in a zone"),
    ("cancel_waiting", "sqlite", {"now"}, "the clock is the host's"),
    ("columns", "mysql", {"schema"}, "a qualified name is not one value there"),
    ("indexes", "mysql", {"schema"}, "likewise"),
]


def _params(dialect: str, name: str) -> set[str]:
    found: set[str] = set()
    for param in load(dialect)[name].params:
        form = {param} if (name, param) in NO_FORM else FORMS.get(param, {param})
        found |= ROWS[name] if param == "rows" else form
    for statement, where, extra, _ in DIFFERENCES:
        if statement == name and where == dialect:
            assert extra <= found, f"{dialect}/{name}.sql does not take {extra}: the exception is out of date"
            found -= extra
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_defines_the_same_statements(dialect):
    names = set().union(*(load(each) for each in DIALECTS))
    assert names >= NOT_EVERYWHERE.keys()
    expected = {name for name in names if dialect in NOT_EVERYWHERE.get(name, (set(DIALECTS),))[0]}
    assert set(load(dialect)) == expected


@pytest.mark.parametrize("name", sorted(set().union(*(load(dialect) for dialect in DIALECTS))))
def test_every_dialect_takes_the_same_parameters(name):
    of_each = {dialect: _params(dialect, name) for dialect in DIALECTS if name in load(dialect)}
    assert len({frozenset(params) for params in of_each.values()}) == 1, of_each


def test_a_dialect_takes_from_others_what_it_lacks():
    found, of_postgresql = load("tests.variant", "postgresql"), load("postgresql")
    assert found.keys() == of_postgresql.keys()
    assert [name for name in found if found[name] != of_postgresql[name]] == ["server"]


def test_a_statement_stands_in_one_topic_only(tmp_path, monkeypatch):
    package = tmp_path / "twice" / "sql"
    for topic in ("claim", "finish"):
        (package / topic).mkdir(parents=True)
        (package / topic / "claim.sql").write_text("-- Params: none\n-- Returns: a\nSELECT 1 AS a\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StatementError, match=r"has two statements named claim; the second is in finish"):
        load("twice.sql")


def test_a_head_must_match_its_text():
    with pytest.raises(StatementError, match="head needs"):
        parse("x", "-- Params: none\nSELECT 1")
    with pytest.raises(StatementError, match=r"unused \['a'\]"):
        parse("x", "-- Params: a\n-- Returns: b\nSELECT 1")
    with pytest.raises(StatementError, match=r"undeclared \['b'\]"):
        parse("x", "-- Params: a\n-- Returns: b\nSELECT :a, :b")


TEXT = """\
-- What it does: with a colon.
-- Params: first, second
-- Returns: a
SELECT ':no' AS "also:no", x::text, -- and :never
       y -- [wide]
       z -- [not wide]
  FROM {table}
 WHERE a = :first AND b = :second AND c = :first
"""


@pytest.mark.parametrize(
    ("style", "placeholders"),
    [
        (dollar, ("$1", "$2", "$1")),
        (colon, (":first", ":second", ":first")),
        (pyformat, ("%(first)s", "%(second)s", "%(first)s")),
    ],
)
def test_rendering(style, placeholders):
    statement = render(parse("x", TEXT), style, {"table": '"t:first"'}, frozenset({"wide"}))
    first, second, third = placeholders
    assert statement.text.splitlines() == [
        "SELECT ':no' AS \"also:no\", x::text,",
        "       y",
        '  FROM "t:first"',
        f" WHERE a = {first} AND b = {second} AND c = {third}",
    ]
    assert statement.params == ("first", "second")
    assert statement.values({"second": 2, "first": 1, "other": 3}) == [1, 2]
    assert "z" in render(parse("x", TEXT), style, {"table": '"t:first"'}, frozenset()).text.split()


def test_postgresqls_exchange_is_its_finish_and_its_claim() -> None:
    """Three files, because a statement cannot be put together of others; what changes in one changes in the other."""
    exchange, finish, claim = (_level_0(name) for name in ("exchange", "finish", "claim"))
    assert finish.removesuffix(" RETURNING t.id") in exchange
    rows, take = claim.removeprefix("WITH ").split(" ) UPDATE ")
    assert rows in exchange
    assert f"UPDATE {take}" in exchange


def _level_0(name: str) -> str:
    statement = render(load("postgresql")[name], lambda param, _: f":{param}", _Same(), frozenset({"errors"}))
    return " ".join(statement.text.split())


class _Same(dict[str, str]):
    """Slots that stay."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"
