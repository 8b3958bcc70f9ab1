from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.testing import app


@pytest.fixture(autouse=True)
def done() -> Iterator[list[str]]:
    """What the application's tasks have done."""
    app.done.clear()
    yield app.done
    app.done.clear()
