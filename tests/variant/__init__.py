"""A database that speaks PostgreSQL's protocol and differs in a few statements: what it takes to serve one.

A subclass with the dialects in which statements are looked for, and a folder with those that differ.
"""

from __future__ import annotations

from asyncqueue.backends.postgresql.backend import PostgresqlBackend


class VariantBackend(PostgresqlBackend):
    """PostgreSQL, but for what stands in this folder."""

    dialects = ("tests.variant", "postgresql")
