"""The fixtures for pytest: `asyncqueue_queue`, `asyncqueue_eager`, `asyncqueue_sync`.

Loaded by pytest wherever asyncqueue is installed, so it imports nothing of it until a fixture is used. An async fixture
belongs to the plugin that runs the test: to pytest-asyncio, whose fixtures have to be declared with a decorator of its
own in strict mode and belong to the event loop of a scope, or to anyio, which takes pytest's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from asyncqueue.queue import Queue
    from asyncqueue.testing import EagerQueue, SyncQueue

_SCOPES = ("function", "class", "module", "package", "session")


@pytest.fixture
def asyncqueue_queue(request: pytest.FixtureRequest) -> Queue:
    """A queue in memory for an async test, in which it is the default queue; see `asyncqueue.testing.memory_queue`."""
    queue: Queue = _of_the_tests_loop(request, "queue")
    return queue


@pytest.fixture
def asyncqueue_eager(request: pytest.FixtureRequest) -> EagerQueue:
    """Eager mode for an async test: enqueue() runs the task at once; see `asyncqueue.testing.eager`."""
    queue: EagerQueue = _of_the_tests_loop(request, "eager")
    return queue


@pytest.fixture
def asyncqueue_sync() -> Iterator[SyncQueue]:
    """A queue in a file for a test that is not async; see `asyncqueue.testing.sync_queue`."""
    from asyncqueue.testing import sync_queue

    with sync_queue() as queue:
        yield queue


def pytest_configure(config: pytest.Config) -> None:
    """Make the async fixtures of the plugins that are there."""
    config.pluginmanager.register(_fixtures(pytest.fixture, "anyio"), "asyncqueue-anyio")
    if config.pluginmanager.hasplugin("asyncio"):
        import pytest_asyncio  # pytest has loaded it already

        for scope in _SCOPES:

            def declare(*, name: str, loop_scope: Any = scope) -> Callable[[Any], Any]:
                return pytest_asyncio.fixture(name=name, loop_scope=loop_scope)

            config.pluginmanager.register(_fixtures(declare, scope), f"asyncqueue-asyncio-{scope}")


def _fixtures(declare: Callable[..., Callable[[Any], Any]], where: str) -> ModuleType:
    """A plugin with the async fixtures: a module, because of any other object pytest asks its class."""

    async def queue() -> AsyncIterator[Queue]:
        from asyncqueue.testing import memory_queue

        async with memory_queue() as queue:
            yield queue

    async def eager() -> AsyncIterator[EagerQueue]:
        from asyncqueue.testing import eager

        async with eager() as queue:
            yield queue

    plugin = ModuleType(f"asyncqueue fixtures of {where}")
    for kind, function in (("queue", queue), ("eager", eager)):
        setattr(plugin, kind, declare(name=f"_asyncqueue_{kind}_{where}")(function))
    return plugin


def _of_the_tests_loop(request: pytest.FixtureRequest, kind: str) -> Any:
    return request.getfixturevalue(f"_asyncqueue_{kind}_{_loop_of(request)}")


def _loop_of(request: pytest.FixtureRequest) -> str:
    """Whose event loop the test runs in: anyio's, or the one of a scope of pytest-asyncio."""
    if "anyio_backend" in request.fixturenames:
        return "anyio"
    marker = request.node.get_closest_marker("asyncio")
    if marker is None or not request.config.pluginmanager.hasplugin("asyncio"):
        raise pytest.UsageError(
            f"{request.fixturename} is for async tests that pytest-asyncio or anyio's plugin runs, and "
            f"{request.node.name} is none: use asyncqueue_sync, or `async with` with asyncqueue.testing"
        )
    scope = marker.kwargs.get("loop_scope") or marker.kwargs.get("scope")
    return scope or request.config.getini("asyncio_default_test_loop_scope") or "function"
