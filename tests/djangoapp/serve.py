"""The Django process: answers the requests of DjangoSide, one JSON line each, until its input ends.

python -m tests.djangoapp.serve SHAPE USE_TZ TIME_ZONE
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import TextIO
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

_APPS = {"7": "django_simple_queue", "10": "tests.djangoapp.tencolumns"}


def main(shape: str, use_tz: str, time_zone: str) -> None:
    requests, answers = sys.stdin, _take_standard_output()
    settings.configure(
        INSTALLED_APPS=[_APPS[shape]],
        USE_TZ=bool(int(use_tz)),
        TIME_ZONE=time_zone,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    # Django's clock is the process's; only a settings module, which this project has none of, sets it by itself.
    os.environ["TZ"] = time_zone
    time.tzset()
    django.setup()
    from django.db import connections

    from tests.djangoapp import orm

    for line in requests:
        verb, arguments = json.loads(line)
        result, error = None, None
        try:
            if verb == "connect":
                connections.settings = connections.configure_settings({"default": database(**arguments)})
                del connections["default"]
            else:
                result = getattr(orm, verb)(**arguments)
        except Exception:
            error = traceback.format_exc()
        finally:
            # An idle connection would be in the way of DROP DATABASE and of servers that restart.
            connections["default"].close()
        print(json.dumps([result, error]), file=answers, flush=True)


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a URL."""
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
    if parts.scheme == "mysql":
        import pymysql

        pymysql.install_as_MySQLdb()
    return {
        "ENGINE": f"django.db.backends.{parts.scheme}",
        "NAME": name,
        "HOST": parts.hostname,
        "PORT": parts.port or "",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
    }


def _take_standard_output() -> TextIO:
    """Keep standard output for the answers; what Django and its tasks print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main(*sys.argv[1:])
