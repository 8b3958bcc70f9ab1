"""What a run leaves, whatever the task does."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import uuid
from typing import Any

import anyio
import pytest

from asyncqueue.model import Status
from asyncqueue.running import redirect
from asyncqueue.running.application import Application
from asyncqueue.running.context import current_task
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.limits import Limits
from asyncqueue.running.resolve import AllowRule
from asyncqueue.running.runner import Runner, RunResult
from tests.running import sample
from tests.running.helpers import HERE, Recorder, claimed, run, start

# -- results and arguments


@pytest.mark.parametrize(
    ("value", "output"),
    [("text", "text"), (None, None), ("", ""), (1, "1"), ({"a": [1, "é"]}, '{"a":[1,"é"]}'), (True, "true")],
)
async def test_results_as_they_are_stored(runner, value, output):
    result = await run(runner, "echo", {"value": value})
    assert result == RunResult(Status.COMPLETED, output)


async def test_arguments_become_what_the_annotations_say(runner):
    result = await run(runner, "typed", {"order": {"number": "7", "due": "2026-11-24"}, "tags": ["a"]})
    assert result.output == "7 2026 0.5 ['a']"


@pytest.mark.parametrize("args", [None, ""])
async def test_no_arguments_are_none(runner, args):
    assert (await run(runner, "echo", args)).status == Status.COMPLETED


@pytest.mark.parametrize(
    ("name", "args", "output"),
    [
        ("unresolvable", {"value": [1]}, "[1]"),
        ("anything", {"a": 1, "b": 2}, "3"),
        ("awkward_names", {"json": "a", "schema": "b", "copy": "c", "_private": "d"}, "abcd"),
        ("returns_awaitable", {"value": 1}, "2"),
        ("echo", '{"value": "a", "value": "b"}', "b"),
    ],
)
async def test_unusual_functions(runner, name, args, output):
    result = await run(runner, name, args)
    assert (result.error, result.output) == (None, output)


async def test_methods_and_partials_run_where_they_are_allowed():
    runner = Runner(Application(allow=AllowRule(patterns=[f"{HERE}.*"])), Limits())
    assert (await run(runner, f"{HERE}.Holder.method", {"value": 4})).output == "8"
    assert (await run(runner, f"{HERE}.add_one")).output == "2"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object, not an array"),
        ('"x"', "must be a JSON object, not a string"),
        ("3", "must be a JSON object, not a number"),
        ("null", "must be a JSON object, not null"),
        ({"order": {"number": "x"}}, "order.number: Input should be a valid integer"),
        ({"order": {"number": "x"}}, "order.due: Field required"),
        ({"value": 1}, "value: Extra inputs are not permitted"),
        ({"value": "x" * 1000}, "max_args_size allows (1000 bytes)"),
    ],
)
async def test_arguments_that_do_not_fit(runner, args, text):
    result = await run(runner, "typed", args)
    assert result.status == Status.FAILED
    assert text in (result.error or "")


async def test_a_lone_surrogate_that_django_wrote_reaches_the_function(runner):
    result = await run(runner, "talks", '{"name": "\\ud800"}')
    assert result.status == Status.COMPLETED
    assert result.log is not None
    assert result.log.startswith("\\ud800 one\n"), "and the log says it in a way that can be stored"


async def test_positional_only_parameters_are_refused_clearly(runner):
    assert "positional-only" in ((await run(runner, "positional", {"value": 1})).error or "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("\0", "NUL character"),
        ("\ud800", "lone surrogate (U+D800)"),
        ("x" * 5_000_001, "max_output_size allows 5000000"),
    ],
)
async def test_results_that_cannot_be_stored(value, text):
    runner = Runner(Application(), Limits(max_args_size=10_000_000, max_output_size=5_000_000))
    result = await run(runner, "echo", {"value": value})
    assert result.status == Status.FAILED
    assert result.output is None
    assert text in (result.error or "")


# -- errors


async def test_an_error_is_written_as_django_does(runner):
    error = (await run(runner, "tests.worker.sample_tasks.fail", {"message": "é"})).error
    assert error is not None
    lines = error.splitlines()
    assert lines[:3] == ["ValueError('é')", "", "Traceback (most recent call last):"]
    assert "sample_tasks.py" in lines[3], "from the task's own code on"
    assert lines[-1] == "ValueError: é"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("raises_exit", "SystemExit(3)"),
        ("raises_exit_async", "SystemExit(3)"),
        ("raises_interrupt", "KeyboardInterrupt()"),
        ("raises_cancelled", "CancelledError('of its own')"),
        ("cancels_itself", "CancelledError()"),
        ("breaks_its_repr", "<Bad whose repr raised RuntimeError>"),
        ("raises_odd_text", "surrogate \\ud800"),
        ("stops_iteration", "StopIteration()"),
    ],
)
async def test_whatever_a_task_raises_fails_that_task_only(runner, name, text):
    result = await run(runner, name)
    assert result.status == Status.FAILED
    assert text in (result.error or "")
    assert "\0" not in (result.error or "")
    (result.error or "").encode()
    assert (await run(runner, "echo", {"value": "next"})).output == "next"


# -- what is captured


async def test_concurrent_tasks_logs_are_kept_apart(runner, capsys):
    results = await asyncio.gather(
        *(run(runner, "talks", {"name": f"t{n}", "pause": 0.01}) for n in range(10)),
        *(run(runner, "talks_in_thread", {"name": f"t{n}"}) for n in range(10)),
    )
    for number, result in enumerate(results[:10]):
        assert result.log == (
            f"t{number} one\nt{number} two\nt{number} three\nWARNING app.mail: t{number} logged\nt{number} erred\n"
        )
    for number, result in enumerate(results[10:]):
        assert result.log == f"t{number} printed\nERROR app.mail: t{number} logged\n"
    print("outside")
    assert capsys.readouterr().out == "outside\n"


async def test_logging_still_reaches_the_applications_own_handlers(runner, caplog):
    with caplog.at_level(logging.WARNING):
        await run(runner, "talks", {"name": "t"})
    assert "t logged" in caplog.text


async def test_a_log_is_cut_at_its_limit(runner):
    log = (await run(runner, "talks_much")).log
    assert log is not None
    assert log.endswith("[log cut: max_log_size is 1000 bytes]\n")
    assert len(log) < 1100


def test_the_streams_are_put_back():
    redirect.uninstall()
    before = sys.stdout, sys.stderr
    redirect.install()
    redirect.install()
    assert sys.stdout is not before[0]
    assert sys.stdout.encoding == before[0].encoding
    redirect.uninstall()
    assert (sys.stdout, sys.stderr) == before


async def test_context_variables_do_not_leak_from_task_to_task(runner):
    assert [(await run(runner, "leaks")).output for _ in range(2)] == ["clean", "clean"]


async def test_a_task_knows_itself(runner):
    assert (await run(runner, "who")).output == f"{HERE}.who"
    row = claimed("who_in_thread")
    result = await start(runner, row)
    assert result is not None
    assert result.output == str(row.id)
    with pytest.raises(LookupError, match="outside of a running task"):
        current_task()


# -- time


async def test_a_timeout_stops_an_async_task_after_its_clean_up(runner):
    result = await run(runner, "sleeps")
    assert result == RunResult(Status.FAILED, None, "Task timed out after 0.2 seconds", "cleaned up\n")


async def test_the_default_timeout_counts_where_a_task_has_none():
    runner = Runner(Application(), Limits(), default_timeout=0.1)
    assert "timed out after 0.1 seconds" in ((await run(runner, "talks", {"name": "a", "pause": 9})).error or "")
    for none in (0, None, -1):
        runner = Runner(Application(), Limits(), default_timeout=none)
        assert (await run(runner, "talks", {"name": "a", "pause": 0.05})).status == Status.COMPLETED


async def test_a_thread_that_cannot_be_stopped_is_reported_and_its_late_result_discarded(runner, caplog):
    sample.released.clear()
    result = await run(runner, "stuck")
    assert result.output is None
    assert (result.error or "").splitlines()[0] == "Task timed out after 0.2 seconds"
    assert "thread could not be stopped" in (result.error or "")
    assert runner.abandoned == 1
    with caplog.at_level(logging.WARNING):
        sample.released.set()
        with anyio.fail_after(5):
            while runner.abandoned:
                await asyncio.sleep(0.01)
    assert "its result is discarded" in caplog.text
    assert f"{HERE}.stuck" in caplog.text


async def test_a_generator_in_a_thread_stops_at_its_next_yield(runner):
    stream = Recorder()
    result = await run(runner, "endless", None, stream)
    assert (result.error or "").startswith("Task timed out after 0.5 seconds")
    written = len(stream.texts)
    with anyio.fail_after(5):
        while runner.abandoned:
            await asyncio.sleep(0.01)
    assert len(stream.texts) == written, "nothing is written after the end"


async def test_a_task_that_goes_on_after_a_cancellation_is_cancelled_again(runner, monkeypatch):
    monkeypatch.setattr("asyncqueue.running.run._AGAIN", 0.2)
    result = await run(runner, "ignores_one_cancellation")
    assert result == RunResult(Status.FAILED, None, "Task timed out after 0.2 seconds", "what was that?\n")


async def _cleaning(grace: float, seconds: float, stop_after: float, error: str | None = None) -> str | None:
    """What a task says that takes a while to clean up, and is stopped so many seconds after its start."""
    runner = Runner(Application(), Limits(), grace=grace)
    going = runner.prepare(claimed("cleans_up_slowly", {"seconds": seconds}), Recorder)
    redirect.install()
    task = asyncio.create_task(runner.run(going))
    await asyncio.sleep(stop_after)
    going.stop()
    with anyio.fail_after(10):
        result = await task
    assert (None if result is None else result.error) == error
    return going.capture.text()


async def test_a_stopped_task_may_clean_up_as_long_as_the_grace_time_is(monkeypatch):
    monkeypatch.setattr("asyncqueue.running.run._AGAIN", 0.1)
    assert await _cleaning(grace=5.0, seconds=0.25, stop_after=0.1) == "cleaning\ncleaned up\n"
    assert await _cleaning(grace=0.3, seconds=60.0, stop_after=0.1) == "cleaning\n", "and is cancelled again then"


async def test_no_timeout_cuts_the_clean_up_of_a_stopped_task_short():
    assert await _cleaning(grace=5.0, seconds=0.6, stop_after=0.1) == "cleaning\ncleaned up\n"


async def test_a_task_that_is_out_of_time_and_stopped_then_goes_on_cleaning_up():
    timeout = "Task timed out after 0.4 seconds"
    assert await _cleaning(grace=5.0, seconds=0.5, stop_after=0.6, error=timeout) == "cleaning\ncleaned up\n"


async def test_a_run_that_is_stopped_has_no_result(runner):
    going = runner.prepare(claimed("talks", {"name": "a", "pause": 60}), Recorder)
    task = asyncio.create_task(runner.run(going))
    await asyncio.sleep(0.1)
    going.stop()
    assert await task is None
    assert task.cancelling() == 0
    before = runner.prepare(claimed("talks", {"name": "b"}), Recorder)
    before.stop()
    assert await asyncio.create_task(runner.run(before)) is None
    assert before.capture.text() is None, "it never began"


@pytest.mark.parametrize(
    ("name", "output", "texts"),
    [("cancels_itself_and_returns", "returned", []), ("cancels_itself_and_yields", "", ["yielded"])],
)
async def test_a_cancellation_that_a_task_leaves_behind_costs_it_nothing(runner, name, output, texts):
    stream = Recorder()
    result = await run(runner, name, None, stream)
    assert (result.status, result.output, stream.texts) == (Status.COMPLETED, output, texts)
    assert stream.flushed == len(texts)


# -- streams


async def test_yields_are_streamed_in_order_and_kept_when_it_fails(runner):
    stream = Recorder()
    result = await run(runner, "partial_output", None, stream)
    assert "".join(stream.texts) == 'first {"second":2}'
    assert stream.flushed == 1
    assert (result.status, result.keep_output) == (Status.FAILED, True)
    assert (result.error or "").startswith("ValueError('after two')")


@pytest.mark.parametrize("name", ["yields_nothing", "yields_nothing_async", "yields_nothing_in_a_process"])
async def test_a_generator_without_a_yield_leaves_nothing_of_an_earlier_run(runner, name):
    result = await run(runner, name)
    assert (result.status, result.output, result.keep_output) == (Status.COMPLETED, "", False)


async def test_an_async_generator_is_closed_when_it_is_stopped(runner):
    stream = Recorder()
    going = runner.prepare(claimed("closes"), lambda: stream)
    redirect.install()
    task = asyncio.create_task(runner.run(going))
    while len(stream.texts) < 2:
        await asyncio.sleep(0.01)
    going.stop()
    assert await task is None
    assert stream.texts[:2] == ["0 ", "1 "]
    assert going.capture.text() == "closed\n"


async def test_a_streams_total_is_limited(runner):
    result = await run(runner, "floods")
    assert "the output is larger than max_output_size allows" in (result.error or "")


async def test_a_run_whose_claim_is_gone_has_no_result(runner):
    stream = Recorder()
    stream.lost = True
    assert await start(runner, claimed("partial_output"), stream) is None


# -- hooks


async def test_the_exception_of_a_failed_attempt_is_told():
    told: list[tuple[uuid.UUID, BaseException]] = []
    application = Application(caught=lambda *what: told.append(what))
    rows = [claimed(name, args) for name, args in TOLD]
    for row in rows:
        timeout = 0.1 if row.task.endswith("sleeps") else None
        await start(Runner(application, Limits(), default_timeout=timeout), row)
    assert [task_id for task_id, _ in told] == [row.id for row in rows[:-2]]
    kinds = [type(error).__name__ for _, error in told]
    assert kinds == ["SystemExit", "CancelledError", "TaskTimeout", "InvalidArguments", "UnknownTask"]


#: The last two tell nothing: one ends well, and of the other only a text is known here.
TOLD: list[tuple[str, Any]] = [
    *(("raises_exit", None), ("raises_cancelled", None), ("sleeps", None), ("typed", {"order": 1}), ("nothing", None)),
    *(("echo", {"value": 1}), ("fails_in_process", None)),
]


async def test_hooks_around_a_task_and_their_failures(caplog):
    seen: list[str] = []

    async def before_job(info: Any) -> None:
        seen.append(f"before {info.task.rpartition('.')[2]}")

    def before_loop(info: Any, iteration: int) -> None:
        assert threading.current_thread() is not threading.main_thread()
        seen.append(f"before {iteration}")

    def after_loop(info: Any, output: str, iteration: int) -> None:
        seen.append(f"after {iteration} {output}")
        raise RuntimeError("a broken hook")

    hooks = Hooks(before_job=(before_job,), before_loop=(before_loop,), after_loop=(after_loop,))
    result = await run(Runner(Application(hooks=hooks), Limits()), "tests.worker.sample_tasks.count_to", {"number": 2})
    assert result.status == Status.COMPLETED
    assert seen == ["before count_to", "before 0", "after 0 1 ", "before 1", "after 1 2 ", "before 2"]
    assert "a broken hook" in caplog.text
