"""What every test of a run is given."""

from __future__ import annotations

import pytest

from asyncqueue.running import redirect
from asyncqueue.running.application import Application
from asyncqueue.running.limits import Limits
from asyncqueue.running.runner import Runner


@pytest.fixture
def runner() -> Runner:
    return Runner(Application(), Limits(max_args_size=1000, max_output_size=5_000_000, max_log_size=1000))


@pytest.fixture(autouse=True)
def captured():
    yield
    redirect.uninstall()
