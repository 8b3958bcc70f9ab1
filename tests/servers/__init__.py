"""The database servers of the tests: given by URL, found on the machine or fetched, and gone after the run."""

from tests.servers.pool import Servers
from tests.servers.server import LocalServer, Server, ServerMissing

__all__ = ["LocalServer", "Server", "ServerMissing", "Servers"]
