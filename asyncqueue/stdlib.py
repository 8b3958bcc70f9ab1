"""Tells a module of Python's standard library from one of the application's that has the same name."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import sysconfig
from pathlib import Path


def file_in_standard_library(name: str) -> str | None:
    """The file of a top-level module that `import` takes from the standard library; None for any other module.

    Nothing is imported. A module that is loaded already is what `import` takes, whatever lies before it on the path.
    """
    if name not in sys.stdlib_module_names:
        return None
    try:
        spec = getattr(sys.modules.get(name), "__spec__", None) or importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return "not found"
    if spec is None:
        return "not found"
    files = [spec.origin] if spec.origin is not None else list(spec.submodule_search_locations or ())
    own = files and all(map(_is_elsewhere, files))
    return None if own else f"{', '.join(files) or 'no file'}"


def _is_elsewhere(file: str) -> bool:
    """Whether it is surely a file outside of the standard library: neither built in, frozen nor in its archive."""
    path = Path(file)
    if not path.is_absolute() or any(re.fullmatch(r"python\d+\.zip", part) for part in path.parts):
        return False
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return True
    resolved = path.resolve()
    return not any(resolved.is_relative_to(folder) for folder in _folders())


def _folders() -> set[Path]:
    paths = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), str(Path(os.__file__).parent)}
    return {Path(path).resolve() for path in paths if path}
