"""`python -m asyncqueue`."""

from __future__ import annotations

from asyncqueue.cli import main

if __name__ == "__main__":
    main()
