"""The application in docs/testing.md: its tests pass, and each of them fails where it should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_examples import EXAMPLES, ROOT, blocks, stripped

CONFIRMED = "test_an_order_is_confirmed"
SENT = "test_the_mail_is_sent"
REMINDED = "test_the_reminder_comes_after_three_days"
AGAIN = "test_a_mail_server_that_is_away_is_tried_again"
WRONG = "test_a_wrong_address_is_not"
AT_ONCE = "test_ordering_at_once"
VIEW = "test_the_view"
ALL = {CONFIRMED, SENT, REMINDED, AGAIN, WRONG, AT_ONCE, VIEW}

#: What is broken in the application, and which of its tests say so.
BROKEN = {
    "no confirmation": (
        'await enqueue(send_mail, {"to": to, "subject": f"Order {order}"}, priority=10)',
        "pass",
        ALL - {AGAIN},
    ),
    "no priority": (", priority=10", "", {CONFIRMED}),
    "two of them": (
        "    await enqueue(remind,",
        '    await enqueue(send_mail, {"to": to, "subject": f"Order {order}"}, priority=10)\n    await enqueue(remind,',
        {CONFIRMED, SENT, REMINDED, AT_ONCE, VIEW},
    ),
    "another text": ('f"Order {order}"}, p', 'f"Order no. {order}"}, p', {CONFIRMED, SENT, REMINDED, AT_ONCE, VIEW}),
    "no reminder": (
        'await enqueue(remind, {"order": order, "to": to}, delay=timedelta(days=3))',
        "pass",
        {CONFIRMED, REMINDED, AT_ONCE},
    ),
    "reminded at once": (", delay=timedelta(days=3)", "", {SENT, REMINDED, VIEW}),
    "reminded too late": ("days=3", "days=4", {REMINDED}),
    "another result": ('f"sent to {to}"', '"sent"', {SENT}),
    "arguments that do not fit": ('"order": order,', '"order": "seven",', {REMINDED, AT_ONCE}),
    "fewer attempts": ("max_attempts=3", "max_attempts=2", {AGAIN}),
    "any address": ('if "@" not in to:', "if False:", {WRONG, AT_ONCE}),
    "the view does nothing": ("asyncio.run(place_order(order, to))", "pass", {VIEW}),
}
_OPTIONS = ("-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function", "--rootdir", ".")


def failures(folder: Path) -> set[str]:
    """The names of the tests that fail."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "-W", "error", *_OPTIONS, "test_shop.py"],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("ASYNCQUEUE_", "PYTEST_"))},
            "ASYNCQUEUE_DATABASE_URL": "sqlite:////nowhere/x.sqlite3",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    failed = set(re.findall(r"^FAILED test_shop.py::(\w+)", done.stdout, re.MULTILINE))
    assert f"{len(ALL) - len(failed)} passed" in done.stdout or failed == ALL, done.stdout + done.stderr
    return failed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example."""
    for name in ("shop.py", "test_shop.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


def test_the_tests_of_the_example_pass(folder):
    assert failures(folder) == set()


@pytest.mark.parametrize("what", BROKEN)
def test_the_tests_of_the_example_fail_where_it_is_broken(folder, what):
    before, after, expected = BROKEN[what]
    text = (folder / "shop.py").read_text()
    assert text.count(before) == 1
    (folder / "shop.py").write_text(text.replace(before, after))
    assert failures(folder) == expected


def test_each_test_of_the_example_fails_somewhere():
    names = set(re.findall(r"^(?:async )?def (test_\w+)", (EXAMPLES / "test_shop.py").read_text(), re.MULTILINE))
    assert names == ALL == set().union(*(expected for *_, expected in BROKEN.values()))


def test_what_the_document_shows_is_in_the_example():
    shown = blocks((ROOT / "docs/testing.md").read_text(), "python")
    examples = [stripped((EXAMPLES / name).read_text()) for name in ("shop.py", "test_shop.py")]
    assert len(shown) >= 7
    # Imports are in an order of their own there.
    bodies = [stripped(re.sub(r"^(from .*|import .*|\)|    \w+,)\n", "", code, flags=re.MULTILINE)) for code in shown]
    assert [body for body in bodies if not any(body in example for example in examples)] == []
