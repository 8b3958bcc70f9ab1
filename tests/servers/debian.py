"""Debian packages unpacked into a root directory of their own.

Nothing is installed on the machine: no service starts, no configuration or library of the machine changes, and a
package of another suite brings its whole closure along, the C library included. Programs run there by chroot.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers.installation import InstallationFailed

#: Where the checkout keeps what it has fetched.
CACHE = Path(__file__).resolve().parents[2] / ".servers"

_APT = Path("/etc/apt")
_USERS = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/sh\n"


def fetch(folder: Path, packages: Sequence[str], *, suite: str | None = None) -> Path:
    """Return `folder` with `packages` unpacked in it; at once if an earlier run did it.

    `suite` takes them from that suite of the machine's own Debian archive instead of its own release.
    Raises InstallationFailed.
    """
    if not folder.exists():
        _require_debian()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _build(folder, packages, suite)
    return folder


def _require_debian() -> None:
    if os.geteuid() != 0:
        raise InstallationFailed("only root can fetch it")
    with suppress(OSError):
        if platform.freedesktop_os_release().get("ID") == "debian":
            return
    raise InstallationFailed("it can be fetched on Debian only")


def _build(folder: Path, packages: Sequence[str], suite: str | None) -> None:
    root, state = folder.with_suffix(".new"), folder.with_suffix(".apt")
    for path in (root, state):
        shutil.rmtree(path, ignore_errors=True)
    for path in (root, state / "lists" / "partial", state / "archives" / "partial"):
        path.mkdir(parents=True)
    apt = _apt(state, suite)
    _run([*apt, "update"])
    # dash is the shell that programs call by popen(); every Debian has it, so nothing depends on it.
    target = ["-t", suite] if suite else []
    _run([*apt, "install", "--yes", "--no-install-recommends", "--download-only", *target, "dash", *packages])
    for package in sorted((state / "archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(root)])
    _furnish(root)
    shutil.rmtree(state)
    root.rename(folder)


def _apt(state: Path, suite: str | None) -> list[str]:
    """apt-get with a state of its own, to which no package at all is installed: it fetches the whole closure."""
    (state / "status").touch()
    options = {
        "Dir::State::Lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Cache::archives": state / "archives",
        "APT::Sandbox::User": "root",  # apt's own user may be unable to reach the folder
        "Acquire::Retries": 3,
        # A mirror may be a copy of some weeks ago. What it has is signed all the same.
        "Acquire::Check-Valid-Until": "false",
    }
    if suite:
        name, text = _source(suite)
        (state / name).write_text(text)
        options |= {"Dir::Etc::SourceList": state / name, "Dir::Etc::SourceParts": "/dev/null"}
    return ["apt-get", "--quiet", *(f"--option={name}={value}" for name, value in options.items())]


def _source(suite: str) -> tuple[str, str]:
    """An apt source file for `suite`: the machine's source for its release, keys included, with another suite."""
    for path in sorted((_APT / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            stanza = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
            if _is_main_archive(stanza):
                return "suite.sources", re.sub(r"(?mi)^Suites:.*$", f"Suites: {suite}", stanza) + "\n"
    for path in (_APT / "sources.list", *sorted((_APT / "sources.list.d").glob("*.list"))):
        for line in path.read_text().splitlines() if path.exists() else ():
            match = re.match(r"deb\s+(?P<options>\[.*?\]\s+)?(?P<uri>\S+)\s+\S+", line)
            if match and _is_main_archive(line):
                return "suite.list", f"deb {match['options'] or ''}{match['uri']} {suite} main\n"
    raise InstallationFailed("apt has no source for Debian's own archive")


def _is_main_archive(source: str) -> bool:
    """Whether this is where the release itself comes from, rather than its security fixes or somebody's packages."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "stable")
    suites = re.search(rf"\b({re.escape(release)}|stable)(?![-/\w])", source)
    return suites is not None and "deb" in source and "/debian" in source and "security" not in source


def _furnish(root: Path) -> None:
    """What the packages' scripts and the system's start would have made."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if not (root / name).exists() and (root / "usr" / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    if not (root / "bin" / "sh").exists():
        (root / "bin" / "sh").symlink_to("dash")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "passwd").write_text(_USERS)
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "dev").mkdir(exist_ok=True)
    # A plain file does: the shell only needs something to redirect to. Device nodes are not for every container.
    (root / "dev" / "null").touch()
    (root / "dev" / "null").chmod(0o666)


def _run(command: list[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise InstallationFailed(f"{command[0]} failed: {(done.stdout + done.stderr).strip()[-1000:]}")
