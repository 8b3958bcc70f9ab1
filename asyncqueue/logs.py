"""Sets up logging for the command line. A program that embeds a worker sets up its own."""

from __future__ import annotations

import logging
import sys
from typing import Literal

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up(level: str, form: Literal["console", "json"], handler: logging.Handler | None = None) -> None:
    """Send records to standard error, readable or as JSON, or to another handler."""
    handler = handler or logging.StreamHandler(sys.stderr)
    if form == "json":
        from pythonjsonlogger.json import JsonFormatter

        handler.setFormatter(
            JsonFormatter(
                "{levelname}{name}{message}",
                style="{",
                timestamp=True,
                rename_fields={"levelname": "level", "name": "logger"},
            )
        )
    elif handler.formatter is None:
        handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
