"""The API over both databases: in this process, and as a server to talk to over a socket."""

from tests.api.backends import api, backend, portal, postgres_backend, sqlite_backend, twins
from tests.api.live import live, live_postgres, live_sqlite

__all__ = [
    "api",
    "backend",
    "live",
    "live_postgres",
    "live_sqlite",
    "portal",
    "postgres_backend",
    "sqlite_backend",
    "twins",
]
