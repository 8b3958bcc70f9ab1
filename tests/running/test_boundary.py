"""The application's code may raise anything: it comes out as `Raised`, and a run's end is judged in one place."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from asyncqueue.model import Status
from asyncqueue.reprs import said, shown
from asyncqueue.retries import Retry
from asyncqueue.running.application import Application
from asyncqueue.running.boundary import Ended, Raised, awaited, call, how_it_ended, is_a
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.limits import Limits
from asyncqueue.running.runner import Runner
from asyncqueue.settings import Settings
from asyncqueue.worker.entries import entries_of
from tests.running import sample
from tests.running.helpers import HERE, Recorder, claimed, run

KINDS: list[type[BaseException]] = [
    *(ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, StopAsyncIteration),
    *(asyncio.CancelledError, BaseException, MemoryError, RecursionError),
]


class Broken(Exception):
    """Neither shown nor said without another end."""

    def __repr__(self) -> str:
        raise SystemExit(3)

    def __str__(self) -> str:
        raise KeyboardInterrupt


class Lazy:
    """Computes its class, as lazy objects do, and fails."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("not set up")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


def fail(kind: type[BaseException]) -> None:
    raise kind


async def fail_later(kind: type[BaseException]) -> None:
    await asyncio.sleep(0)
    raise kind


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_plain_code_raises_comes_out_as_an_exception(kind):
    with pytest.raises(Raised) as caught:
        call(fail, kind)
    assert type(caught.value.error) is kind
    assert call(len, "abc") == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_a_coroutine_raises_comes_out_as_an_exception(kind):
    with pytest.raises(Raised) as caught:
        await awaited(fail_later(kind))
    # The language itself makes a RuntimeError of this one.
    assert type(caught.value.error) is (RuntimeError if kind is StopIteration else kind)


async def test_a_cancellation_of_the_caller_passes_as_it_is():
    async def caller() -> None:
        await awaited(asyncio.sleep(60))

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_coroutine_that_is_closed_from_outside_ends_as_any_other():
    begun = awaited(asyncio.Event().wait())
    begun.send(None)

    async def close() -> None:
        begun.close()  # raises whatever comes out of it but a GeneratorExit

    await asyncio.create_task(close())


def test_texts_of_what_cannot_be_shown():
    error = Broken()
    assert shown(error) == "<Broken whose repr raised SystemExit>"
    assert said(error) == "<Broken whose str raised KeyboardInterrupt>"
    assert str(Raised(error)) == "<Broken whose repr raised SystemExit>"

    class Text(str):
        __slots__ = ()

    class Odd:
        def __repr__(self) -> str:
            return Text("odd")

    assert type(shown(Odd())) is str


def test_classes_are_told_without_asking_the_object():
    with pytest.raises(RuntimeError):
        isinstance(Lazy(), int)
    assert not is_a(Lazy(), int)
    assert is_a(True, int)
    assert is_a(ValueError(), (KeyError, ValueError))


@pytest.mark.parametrize(
    ("raised", "timed_out", "stopping", "ended"),
    [
        (None, False, False, Ended.RETURNED),
        (None, False, True, Ended.RETURNED),
        (None, True, False, Ended.TIMED_OUT),
        (None, True, True, Ended.TIMED_OUT),
        (ValueError(), False, False, Ended.RAISED),
        (asyncio.CancelledError(), False, False, Ended.RAISED),
        (ConnectionError(), False, True, Ended.STOPPED),
        (ExceptionGroup("of a task group", [OSError()]), False, True, Ended.STOPPED),
        (SystemExit(), False, True, Ended.STOPPED),
        (asyncio.CancelledError(), False, True, Ended.STOPPED),
        (ConnectionError(), True, True, Ended.TIMED_OUT),
        (asyncio.CancelledError(), True, False, Ended.TIMED_OUT),
        (Retry("later"), True, False, Ended.RAISED),
        (Retry("later"), False, True, Ended.STOPPED),
    ],
)
def test_how_a_run_ended(raised, timed_out, stopping, ended):
    assert how_it_ended(raised, timed_out=timed_out, stopping=stopping) is ended


# -- as the runner uses it


def hooks_that_raise(kind: type[BaseException]) -> Hooks:
    def plain(*_: Any) -> None:
        raise kind

    async def later(*_: Any) -> None:
        await asyncio.sleep(0)
        raise kind

    return Hooks(before_job=(plain, later), before_loop=(plain, later), after_loop=(plain, later))


@pytest.mark.parametrize("name", ["count_to", "tick"])
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, StopIteration, Broken])
async def test_whatever_a_hook_raises_changes_nothing(kind, name, caplog):
    args = {"number": 2, **({"pause": 0} if name == "tick" else {})}
    result = await run(
        Runner(Application(hooks=hooks_that_raise(kind)), Limits()), f"tests.worker.sample_tasks.{name}", args
    )
    assert result.status == Status.COMPLETED
    failures = [each for each in caplog.records if each.levelname == "ERROR"]
    assert len(failures) == 2 + 2 * 3 + 2 * 2, "each call is told"


async def test_a_hook_that_hangs_is_given_up_with_its_task():
    begun = asyncio.Event()

    async def before_job(info: Any) -> None:
        begun.set()
        await asyncio.sleep(600)

    runner = Runner(Application(hooks=Hooks(before_job=(before_job,))), Limits())
    going = runner.prepare(claimed("echo", {"value": 1}), Recorder)
    task = asyncio.create_task(runner.run(going))
    await begun.wait()
    going.stop()
    with anyio.fail_after(5):
        assert await task is None


async def test_who_is_told_of_exceptions_may_raise_anything(caplog):
    def caught(*_: Any) -> None:
        raise SystemExit(3)

    result = await run(Runner(Application(caught=caught), Limits()), "raises_exit")
    assert "SystemExit(3)" in (result.error or "")
    assert "what is told of exceptions failed" in caplog.text


async def test_an_import_that_interrupts_fails_its_task_alone(tmp_path, monkeypatch):
    (tmp_path / "interrupts_at_import.py").write_text("raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(tmp_path)
    result = await run(Runner(Application(), Limits()), "interrupts_at_import.f")
    assert "KeyboardInterrupt()" in (result.error or "")


async def test_a_lazy_object_is_not_asked_for_its_class(monkeypatch):
    monkeypatch.setattr(sample, "lazy", Lazy(), raising=False)
    result = await run(Runner(Application(), Limits()), f"{HERE}.lazy")
    assert result.status == Status.FAILED
    assert "is not callable: it is of type Lazy" in (result.error or "")
    monkeypatch.setattr("tests.worker.cron_tasks.lazy", Lazy(), raising=False)
    assert entries_of(Settings(database_url="sqlite://", imports=("tests.worker.cron_tasks",)))


async def test_a_text_with_methods_of_its_own_is_stored_as_a_plain_one(runner):
    result = await run(runner, "odd_text")
    assert (type(result.output), result.output) == (str, "odd")


async def test_a_timeout_counts_whatever_the_task_makes_of_it(runner):
    result = await run(runner, "raises_at_its_timeout", {"again": False})
    assert (result.error or "").startswith("Task timed out after 0.1 seconds\n\nIt went on and raised another error:")
    assert "ConnectionError('cut')" in (result.error or "")
    assert result.retry_in is None, "its retry_on is ConnectionError, and it has failed by a TimeoutError"
    again = await run(runner, "raises_at_its_timeout", {"again": True})
    assert again.retry_in == 7, "it asked for another attempt"


@pytest.mark.parametrize("kind", ["", "_and_yields"])
async def test_a_task_that_swallows_its_timeout_has_failed(runner, kind):
    stream = Recorder()
    result = await run(runner, f"swallows_its_timeout{kind}", None, stream)
    assert (result.status, result.output or "") == (Status.FAILED, "")
    assert (result.error or "").startswith("Task timed out after ")
    assert stream.texts == (["early"] if kind == "_and_yields" else [])
