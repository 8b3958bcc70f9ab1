"""What a failed attempt says of the next one."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from asyncqueue.errors import ResultNotStorable
from asyncqueue.model import ClaimedTask, LostTask, Status
from asyncqueue.running.application import Application
from asyncqueue.running.context import TaskInfo, info_of
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.limits import Limits
from asyncqueue.running.resolve import AllowRule
from asyncqueue.running.runner import Runner, RunResult
from asyncqueue.running.stream import StreamLost

HERE = "tests.running.unreliable"


class Stream:
    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem

    def write(self, text: str) -> None: ...

    async def flush(self) -> None:
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def runner() -> Runner:
    return Runner(Application(allow=AllowRule(patterns=[f"{HERE}.*"])), Limits(max_output_size=1000))


def row(name: str, attempt: int = 0, max_attempts: int | None = None, **args: Any) -> ClaimedTask:
    return ClaimedTask(uuid.uuid4(), f"{HERE}.{name}", json.dumps(args), "t1", "t0", attempt, max_attempts)


async def run(runner: Runner, claimed: ClaimedTask, stream: Stream | None = None) -> RunResult:
    result = await asyncio.create_task(runner.run(runner.prepare(claimed, lambda: stream or Stream())))
    assert result is not None
    return result


# -- how often


@pytest.mark.parametrize("name", ["fails", "undeclared"])
async def test_without_a_word_about_it_a_task_has_one_attempt(runner, name):
    result = await run(runner, row(name))
    assert (result.status, result.retry_in, result.attempt) == (Status.FAILED, None, 1)


@pytest.mark.parametrize(
    ("failed", "attempt", "retry_in"),
    [(0, 1, 1), (1, 2, 10), (2, 3, None), (3, 1, 1), (9, 1, 1)],
    ids=["first", "second", "last", "queued again", "queued again after a change of the function"],
)
async def test_attempts_are_counted_up_to_the_last_and_begin_anew(runner, failed, attempt, retry_in):
    result = await run(runner, row("unreliable", failed, error="value"))
    assert (result.status, result.attempt, result.retry_in) == (Status.FAILED, attempt, retry_in)
    assert (result.error or "").startswith("ValueError('again')\n\nTraceback"), "the same text, whatever follows"


@pytest.mark.parametrize(
    ("name", "own", "failed", "again"),
    [("fails", 2, 0, True), ("undeclared", 2, 0, True), ("fails", 2, 1, False), ("streams", 1, 0, False)],
)
async def test_a_rows_own_number_of_attempts_counts_more_than_the_functions(runner, name, own, failed, again):
    result = await run(runner, row(name, failed, own))
    assert (result.attempt, result.retry_in is not None) == (failed + 1, again)


async def test_what_went_well_says_nothing_of_it(runner):
    assert await run(runner, row("counts", 1)) == RunResult(Status.COMPLETED, "2 of 3")


# -- after what


@pytest.mark.parametrize("name", ["chooses", "chooses_in_a_process"])
@pytest.mark.parametrize(
    ("error", "again"), [("refused", True), ("own", True), ("aborted", False), ("value", False), ("broken", False)]
)
async def test_exceptions_are_told_apart_by_their_classes(runner, name, error, again):
    result = await run(runner, row(name, error=error))
    assert result.retry_in == (1 if again else None)
    assert error in (result.error or "")


@pytest.mark.parametrize("error", ["exit", "cancelled"])
async def test_what_is_no_exception_in_the_narrow_sense_is_final(runner, error):
    assert (await run(runner, row("unreliable", error=error))).retry_in is None


async def test_an_exit_in_a_process_is_final_too(runner):
    assert (await run(runner, row("exits"))).retry_in is None


@pytest.mark.parametrize(
    ("name", "retry_in", "text"),
    [
        ("sleeps", 1, "Task timed out after 0.1 seconds"),
        ("sleeps_once", None, "Task timed out after 0.1 seconds"),
        ("hangs", 1, "Task timed out after 1 seconds"),
        ("dies", 1, "Worker subprocess exited with code -9"),
        ("dies_once", None, "Worker subprocess exited with code -9"),
    ],
)
async def test_a_timeout_and_the_death_of_a_process_are_failures_like_others(runner, name, retry_in, text):
    result = await run(runner, row(name))
    assert (result.retry_in, result.error) == (retry_in, text)


@pytest.mark.parametrize(
    "claimed",
    [
        row("nowhere"),
        row("takes", number="x"),
        row("leaves_what_nothing_can_store"),
        row("leaves_it_in_a_process"),
        row("floods"),
    ],
    ids=lambda claimed: claimed.task,
)
async def test_what_can_never_work_is_not_tried_again(runner, claimed):
    result = await run(runner, claimed._replace(attempt=1, max_attempts=5))
    assert (result.status, result.retry_in, result.attempt) == (Status.FAILED, None, 2)


async def test_a_row_whose_function_cannot_be_found_any_more_keeps_its_count(runner):
    assert (await run(runner, row("nowhere", 2))).attempt == 3


# -- asked for


@pytest.mark.parametrize(
    ("name", "args", "retry_in"),
    [
        ("asks", {}, 1),
        ("asks", {"after": 30}, 30),
        ("asks", {"after": -1}, 0),
        ("asks", {"after": "PT2M"}, 120),
        ("asks_in_a_thread", {}, 7),
        ("asks_in_a_process", {}, 7),
        ("asks_in_its_own_way", {}, 1),
    ],
)
async def test_a_task_may_ask_for_another_attempt(runner, name, args, retry_in):
    result = await run(runner, row(name, **args))
    assert (result.status, result.retry_in) == (Status.FAILED, retry_in)


@pytest.mark.parametrize("name", ["asks_in_a_thread", "asks_in_a_process"])
async def test_after_the_last_attempt_the_text_says_so_with_reason_and_cause(runner, name):
    result = await run(runner, row(name, 2))
    assert (result.retry_in, result.attempt) == (None, 3)
    lines = (result.error or "").splitlines()
    assert lines[0] == (
        "The task asked for another attempt, but max_attempts (3) is used up: Retry('rate limited', after=7)"
    )
    assert "ValueError: 429" in lines
    assert lines[-1] == "asyncqueue.retries.Retry: rate limited"


async def test_asking_without_max_attempts_says_what_is_missing(runner):
    result = await run(runner, row("asks_in_vain"))
    assert (result.error or "").startswith("The task asked for another attempt, but max_attempts (1) is used up")


# -- beside streams


async def test_a_generators_attempts_are_counted_like_any(runner):
    result = await run(runner, row("streams"))
    assert (result.retry_in, result.keep_output) == (1, True)


async def test_a_stream_that_breaks_behind_a_failure_does_not_change_what_follows(runner):
    result = await run(runner, row("streams"), Stream(ResultNotStorable("refused")))
    assert (result.error or "").startswith("ValueError('after')")
    assert result.retry_in == 1
    going = runner.prepare(row("streams"), lambda: Stream(StreamLost("gone")))
    assert await asyncio.create_task(runner.run(going)) is None


# -- what a task and its hooks know


@pytest.mark.parametrize("name", ["counts", "counts_in_a_thread", "counts_in_a_process"])
@pytest.mark.parametrize(("failed", "own", "said"), [(0, None, "1 of 3"), (2, None, "3 of 3"), (3, 5, "4 of 5")])
async def test_a_task_knows_its_attempt(runner, name, failed, own, said):
    assert (await run(runner, row(name, failed, own))).output == said


async def test_hooks_know_the_attempt():
    seen: list[TaskInfo] = []

    async def before_job(info: TaskInfo) -> None:
        seen.append(info)

    runner = Runner(Application(hooks=Hooks(before_job=(before_job,))), Limits())
    claimed = row("counts", 1)
    await run(runner, claimed)
    assert seen == [TaskInfo(claimed.id, claimed.task, 2, 3)] == [runner.info_of(claimed)]
    assert runner.info_of(row("nowhere")).attempt == 1
    lost = LostTask(claimed.id, claimed.task, None)
    assert info_of(lost) == TaskInfo(claimed.id, claimed.task)
