"""A Django project on the task table, for the tests: its migrations make the table, its ORM writes and reads rows."""

from tests.djangoapp.side import DjangoSide, Shape

__all__ = ["DjangoSide", "Shape"]
