"""How large things may get, in bytes of UTF-8."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Arguments and output over their size fail a task; a log over its size is cut."""

    max_args_size: int = 1 << 20
    max_output_size: int = 10 << 20
    max_log_size: int = 1 << 20
