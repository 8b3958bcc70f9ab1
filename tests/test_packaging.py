"""What is built is what the source tree holds, under one installed name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_BUILD = """
import os, sys
from setuptools import build_meta
step, tree, folder = sys.argv[1:]
os.chdir(tree)
getattr(build_meta, step)(folder)
"""
_USE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import asyncqueue
from asyncqueue.backends import base
from asyncqueue.backends.common import statements
loaded = {dialect: sorted(statements.load(dialect)) for dialect in sys.argv[2:]}
print(json.dumps([asyncqueue.__file__, base.__file__, loaded]))
"""
_NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "*.sqlite3*")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution of the tree."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(ROOT, folder / "tree", symlinks=True, ignore=_NOT_SOURCE)
    archive = _build("build_sdist", folder / "tree", folder)
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from it."""
    return _build("build_wheel", sdist, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel alone is installed in."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", folder, wheel], check=True)
    return folder


def test_the_wheel_holds_the_modules_and_statements_of_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        *_files("asyncqueue", "*.py", "asyncqueue"),
        *_files("backends", "*.py", "asyncqueue/backends"),
        *_files("sql", "*.py", "asyncqueue/sql"),
        *_files("sql", "*.sql", "asyncqueue/sql"),
        "asyncqueue/py.typed",
    }
    assert shipped == expected


def test_the_source_distribution_holds_what_the_tests_need(sdist: Path) -> None:
    for name in ("Makefile", "CHANGELOG.md", "LICENSE", "README.md", "compose.yaml", "pyproject.toml"):
        assert (sdist / name).is_file(), name
    for folder in ("asyncqueue", "backends", "sql", "tests", "benchmarks", "docs"):
        for suffix in (".py", ".sql", ".md"):
            lost = _files(folder, f"*{suffix}", folder) - _files(folder, f"*{suffix}", folder, root=sdist)
            assert lost == set()


def test_one_name_is_installed(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names - {"bin"} == {"asyncqueue"}
    assert not any(path.is_symlink() for path in installed.rglob("*"))


def test_the_installed_package_works(installed: Path, tmp_path: Path) -> None:
    statements: dict[str, list[str]] = {}
    for path in sorted((ROOT / "sql").glob("*/*.sql")):
        statements.setdefault(path.parent.name, []).append(path.stem)
    # -P and the folder first on the path: neither the tree nor the editable installation is what is imported.
    command = [sys.executable, "-P", "-c", _USE, str(installed), *statements]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    *files, loaded = json.loads(done.stdout)
    assert all(Path(name).is_relative_to(installed) for name in files)
    assert loaded == statements


def _build(step: str, tree: Path, folder: Path) -> Path:
    before = set(folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, step, tree, folder], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    [built] = {path for path in folder.iterdir() if path.is_file()} - before
    return built


def _files(folder: str, pattern: str, prefix: str, root: Path = ROOT) -> set[str]:
    """The files of a folder by the name they have under `prefix`; the links inside asyncqueue/ are not followed."""
    base = root / folder
    found = (path.relative_to(base) for path in base.rglob(pattern) if "__pycache__" not in path.parts)
    links = {path.name for path in base.iterdir() if path.is_symlink()}
    return {f"{prefix}/{path.as_posix()}" for path in found if path.parts[0] not in links}
