"""Where a server's programs are, and how to run them."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


class InstallationFailed(Exception):
    """A server could not be fetched."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A directory of programs, in the machine's file system or in a root directory of its own."""

    programs: Path
    origin: str
    root: Path = Path("/")

    def command(self, program: str, *arguments: str, unprivileged: bool = False) -> list[str]:
        """The command line of a program. `unprivileged` gives root's rights up, if this is root."""
        command = [str(self.programs / program), *arguments]
        unprivileged = unprivileged and os.geteuid() == 0
        if self.root == Path("/") and not unprivileged:
            return command
        chroot = ["chroot"]
        if unprivileged:
            user, group = nobody()
            chroot += [f"--userspec={user}:{group}", "--groups="]
        return [*chroot, str(self.root), *command]

    def make_directory(self, name: str) -> Path:
        """A new temporary directory, within the root, that an unprivileged server can reach and write."""
        directory = Path(tempfile.mkdtemp(prefix=f"asyncqueue-test-{name}-", dir=self.root / "tmp"))
        if os.geteuid() == 0:
            os.chown(directory, *nobody())
        return directory

    def remove_directory(self, directory: Path) -> None:
        shutil.rmtree(directory, ignore_errors=True)

    def inside(self, path: Path) -> str:
        """A path as the programs see it."""
        return f"/{path.relative_to(self.root)}"


def nobody() -> tuple[int, int]:
    """The user and group of a server that refuses to run as root."""
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def on_machine(program: str, *folders: str) -> Path | None:
    """A program of the machine's own, on the PATH or in `folders`, with links resolved."""
    found = shutil.which(program) or shutil.which(
        program, path=os.pathsep.join([*folders, "/usr/sbin", "/usr/local/sbin"])
    )
    return Path(found).resolve() if found else None
