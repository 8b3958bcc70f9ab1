"""The contenders: what their files say of them, and an environment for each."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "contenders"
#: No queues, but what the database itself can do.
LIMITS = ("limit", "pgbench", "sqlite3")
#: Whom a quick run measures beside asyncqueue and the limits: the fastest peer.
FASTEST = {"postgresql": "pgqueuer", "mysql": "dj-queue", "mariadb": "dj-queue", "sqlite": "huey"}
_ENVIRONMENTS = HERE.parent / ".bench" / "environments"


@dataclass(frozen=True)
class Contender:
    """A task queue, or the bare database."""

    name: str
    databases: list[str]
    requirements: list[str]
    workloads: list[str]
    setting: str
    remaining: dict[str, str]
    #: The oldest Python its packages need, where that is newer than asyncqueue's own.
    python: str | None = None
    #: Whether it is faster with fresh statistics of PostgreSQL's tables than with none.
    statistics: bool = False
    #: Fewer tasks than the rest, for one that would take all day.
    most_tasks: int | None = None
    #: Fewer tasks in its bulk call than in the others', for one whose call is many statements.
    most_bulk: int | None = None
    versions: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def program(self) -> Path:
        """Its program; see `contenders/shared.py`."""
        return PROGRAMS / f"run_{self.name.replace('-', '_')}.py"

    def interpreter(self) -> str:
        """The Python of its environment, which is made if there is none."""
        if not self.requirements:
            return sys.executable
        wanted = hashlib.sha256(json.dumps([self.python, *self.requirements]).encode()).hexdigest()[:12]
        folder = _ENVIRONMENTS / f"{self.name}-{wanted}"
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            base = _python(self.python) if self.python else sys.executable
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([base, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *self.requirements], check=True)
            (folder / "ready").touch()
        return str(python)


@cache
def _python(oldest: str) -> str:
    """An interpreter of that version or a later one. Raises RuntimeError where there is none."""
    minors = range(int(oldest.partition(".")[2]), 20)
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    for minor in minors:
        for folder in folders:
            found = shutil.which(f"python3.{minor}", path=folder)
            # A version manager's shim is there for versions that it would not start.
            if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
                return found
    raise RuntimeError(f"this contender needs Python {oldest} or later, and none was found")


def load() -> dict[str, Contender]:
    """All contenders by name, asyncqueue and the limit first."""
    found = {}
    for path in sorted(PROGRAMS.glob("*.toml")):
        found[path.stem] = Contender(name=path.stem, **tomllib.loads(path.read_text()))
    first = ("asyncqueue", *LIMITS)
    return {name: found[name] for name in sorted(found, key=lambda name: (name not in first, name))}
