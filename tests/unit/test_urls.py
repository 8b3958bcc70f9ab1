"""Database URLs as other tools write them: understood, and never shown with a password."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from asyncqueue.backends.mysql.address import address_of as mysql
from asyncqueue.backends.postgresql.address import address_of as postgresql
from asyncqueue.django_settings import database_url
from asyncqueue.errors import ConfigurationError
from asyncqueue.urls import anchored, file_of, is_memory, redacted, understood


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("postgresql+asyncpg://u:p@h:1/d", "postgresql://u:p@h:1/d"),
        ("postgresql+psycopg2://u@h/d", "postgresql://u@h/d"),
        ("postgres://u@h/d?sslmode=require", "postgresql://u@h/d?sslmode=require"),
        ("postgis://h/d", "postgresql://h/d"),
        ("pgsql:///d", "postgresql:///d"),
        ("mysql+aiomysql://u@h/d", "mysql://u@h/d"),
        ("mysql+pymysql://u@h/d", "mysql://u@h/d"),
        ("mariadb+asyncmy://u@h/d", "mysql://u@h/d"),
        ("sqlite+aiosqlite:////a/b", "sqlite:////a/b"),
        ("sqlite3:///b", "sqlite:///b"),
        ("POSTGRESQL://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p@ss@h/d", "postgresql://u:p%40ss@h/d"),
        ("postgresql://u:a[b@h/d", "postgresql://u:a%5Bb@h/d"),
        ("mysql://u:a]b%20\u00e4@[::1]/d", "mysql://u:a%5Db%20%C3%A4@[::1]/d"),
        ("sqlite:///a@b", "sqlite:///a@b"),
    ],
)
def test_schemes_of_other_tools_are_understood(url, meant):
    assert understood(url) == meant


@pytest.mark.parametrize("url", ["postgrsql://u:SECRET@h/d", "oracle+x://u:SECRET@h/d", "u:SECRET@h/d", "postgresql:"])
def test_another_database_is_refused(url):
    with pytest.raises(ConfigurationError, match=r"asyncqueue knows postgresql://") as error:
        understood(url)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("password", ["a[b", "a]b", "[::1]", "p@ss", "a\u2100b", "a b", "a+b", "a%25b", "100%", "a\\b"])
def test_a_password_is_what_stands_there(password):
    meant = password.replace("%25", "%")
    assert mysql(understood(f"mysql://u:{password}@h/d")).password == meant
    dsn = postgresql(understood(f"postgresql://u:{password}@h/d")).arguments["dsn"]
    assert unquote(urlsplit(dsn).password or "") == meant  # as asyncpg reads it


@pytest.mark.parametrize("password", ["SEC/RET", "SEC#RET", "SEC?RET", "12/34", "SEC/R@T"])
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_password_that_must_be_escaped_gets_a_hint(scheme, password):
    url = f"{scheme}://u:{password}@h:5432/d"
    with pytest.raises(ConfigurationError, match="write %40 for @, %2F for /") as error:
        understood(url)
    assert password not in str(error.value)
    assert redacted(url) == f"{scheme}://u:***@h:5432/d"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:SECRET@h/d",
        "postgresql://u:SEC%40RET@h/d",
        "postgresql://u:SECRET@a:1,[::1]:2/d",
        "postgresql://h/d?user=u&password=SECRET",
        "postgresql://u@h/d?sslmode=require&sslpassword=SECRET&x=1",
        "postgresql://u@h/d?PASSWD=SECRET#x",
        "postgresql+asyncpg://u:SECRET@h:99999/d",
        "postgresql://u:SECRET@h:port/d",
        "postgresql://u:SECRET@[::1/d",
        "mysql://u:SECRET@h/d?passwd=SECRET",
        "what://u:SECRET@h/d",
    ],
)
def test_no_password_is_shown(url):
    shown = redacted(url)
    assert "SEC" not in shown
    assert "***" in shown
    for read in (postgresql, mysql):
        try:
            read(understood(url))
        except ConfigurationError as error:
            assert "SEC" not in str(error)  # noqa: PT017 - where there is an error at all


def test_what_has_no_password_is_shown_as_it_is():
    for url in ("sqlite:////a:b@c", "sqlite://", "postgresql://h:5432/d?user=a@b", "mysql://u@h/d", "postgresql:///d"):
        assert redacted(url) == url


def test_hosts_are_read_with_their_ports():
    assert postgresql("postgresql://u@[::1]:5433/d").arguments["host"] == ["::1"]
    several = postgresql("postgresql://u@a:1,[::1]:2,c/d").arguments
    assert (several["host"], several["port"]) == (["a", "::1", "c"], [1, 2, 5432])
    for wrong, text in (("::1", "stands in brackets"), ("a:1,b:x", "a number from 1"), ("a:70000", "a number from 1")):
        with pytest.raises(ConfigurationError, match=text):
            postgresql(f"postgresql://u@{wrong}/d")
    with pytest.raises(ConfigurationError, match="several hosts"):
        mysql("mysql://u@a,b/d")


def test_parameters_of_libpq_are_honoured_passed_over_or_refused():
    passed = (
        "channel_binding=require&connect_timeout=5&keepalives=1&keepalives_idle=9&gssencmode=prefer&tcp_user_timeout=1"
    )
    assert postgresql(f"postgresql://h/d?{passed}&client_encoding=UTF8").arguments["dsn"] == "postgresql:///d"
    kept = postgresql(
        "postgresql://h/d?target_session_attrs=read-write&options=-c%20a%3D1&ssl=require&application_name=x"
    )
    assert kept.name == "x"
    query = "target_session_attrs=read-write&options=-c+a%3D1&sslmode=require"
    assert kept.arguments["dsn"] == f"postgresql:///d?{query}"
    for refused in ("gssencmode=require", "client_encoding=latin1", "require_auth=none", "hostaddr=1.2.3.4"):
        with pytest.raises(ConfigurationError, match=refused.partition("=")[0]):
            postgresql(f"postgresql://h/d?{refused}")
    for query, size in (("", 100), ("statement_cache_size=0", 0), ("pgbouncer=true", 0), ("pgbouncer=false", 100)):
        assert postgresql(f"postgresql://h/d?{query}").arguments["statement_cache_size"] == size


def test_parameters_of_mysqls_drivers_are_passed_over():
    assert mysql("mysql://u@h/d?connect_timeout=5&autocommit=true&use_unicode=1&charset=utf8mb4").host == "h"
    with pytest.raises(ConfigurationError, match="unknown parameter nonsense"):
        mysql("mysql://u@h/d?nonsense=1")


@pytest.mark.parametrize(
    "query",
    [
        *("connect_timeout=x", "connect_timeout=", "keepalives=2", "keepalives_idle=1s", "tcp_user_timeout=many"),
        *("channel_binding=maybe", "sslsni=x", "load_balance_hosts=x", "max_protocol_version=4", "sslmode=on"),
        *("target_session_attrs=x", "sslnegotiation=x", "ssl_min_protocol_version=9", "gsslib=x", "pgbouncer=maybe"),
        *("sslcertmode=x", "gssdelegation=yes", "statement_cache_size=x", "port=x"),
    ],
)
def test_what_a_parameter_of_libpq_cannot_be_is_refused(query):
    name = query.partition("=")[0]
    with pytest.raises(ConfigurationError, match=rf"{name} in the database URL must be|the port in the database URL"):
        postgresql(f"postgresql://u:SECRET@h/d?{query}")


@pytest.mark.parametrize(
    "query", ["connect_timeout=x", "read_timeout=1m", "autocommit=2", "local_infile=x", "use_unicode=", "ssl=x"]
)
def test_what_a_parameter_of_mysqls_drivers_cannot_be_is_refused(query):
    with pytest.raises(ConfigurationError, match=rf"{query.partition('=')[0]} in the database URL must be"):
        mysql(f"mysql://u:SECRET@h/d?{query}")


def test_what_is_passed_over_is_named(caplog):
    caplog.set_level("INFO", "asyncqueue.backend")
    postgresql("postgresql://u:SECRET@h/d?keepalives=1&connect_timeout=5&sslmode=require")
    assert "passed over of the database URL: connect_timeout, keepalives (" in caplog.text
    mysql("mysql://u:SECRET@h/d?autocommit=true&ssl=required")
    assert "passed over of the database URL: autocommit (" in caplog.text
    caplog.clear()
    postgresql("postgresql://u:SECRET@h/d?sslmode=require")
    assert caplog.text == ""


def test_relative_files_are_those_of_a_folder():
    assert anchored("sqlite:///a/b.sqlite3", Path("/x y")) == "sqlite:////x%20y/a/b.sqlite3"
    for url in ("sqlite:////a", "sqlite://", "sqlite:///:memory:", "postgresql:///d"):
        assert anchored(url, Path("/x")) == url
    assert file_of("sqlite:////x%20y/b") == "/x y/b"
    assert [is_memory(url) for url in ("sqlite://", "sqlite:///:memory:", "sqlite:///a", "mysql://h/d")] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ({"HOST": "::1", "PORT": "5433"}, "postgresql://[::1]:5433/d"),
        ({"HOST": "a,b", "PORT": "1,2"}, "postgresql://a:1,b:2/d"),
        ({"HOST": "a,::1", "PORT": "5432"}, "postgresql://a:5432,[::1]:5432/d"),
        ({"HOST": "a,b"}, "postgresql://a,b/d"),
    ],
)
def test_hosts_of_a_django_project(database, url):
    assert database_url({"ENGINE": "django.db.backends.postgresql", "NAME": "d", **database}) == url


@pytest.mark.parametrize(
    ("database", "text"),
    [
        (
            {"ENGINE": "x.postgresql", "NAME": "d", "HOST": "a,b", "PORT": "1,2,3"},
            "2 hosts in HOST and 3 ports in PORT",
        ),
        ({"ENGINE": "x.mysql", "NAME": "d", "HOST": "a,b"}, "several hosts"),
        ({"ENGINE": "x.sqlite3", "NAME": ":memory:"}, "is in memory"),
        ({"ENGINE": "x.sqlite3", "NAME": "file:memorydb_default?mode=memory&cache=shared"}, "asyncqueue.testing"),
        ({"ENGINE": "x.sqlite3", "NAME": "file::memory:?cache=shared"}, "is in memory"),
        ({"ENGINE": "x.sqlite3", "NAME": "file:/a/b?mode=ro"}, "mode=rw, mode=rwc"),
    ],
)
def test_databases_of_a_django_project_that_cannot_be_served(database, text):
    with pytest.raises(ConfigurationError, match=text):
        database_url(database)


def test_a_sqlite_uri_of_a_django_project_is_a_path():
    for name in ("file:/a/b%20c?mode=rw", "file:///a/b%20c?mode=rwc&cache=private"):
        assert database_url({"ENGINE": "x.sqlite3", "NAME": name}) == "sqlite:////a/b%20c"
