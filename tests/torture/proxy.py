"""A TCP proxy in front of PostgreSQL that can lose the one answer that matters."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

_COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"  # CommandComplete, as the protocol writes it


class Proxy:
    """Passes everything on, unless :attr:`decide` says to drop the reply to a COMMIT.

    The transaction has happened then, and the client cannot know.
    """

    def __init__(self, database: str) -> None:
        self._target = conninfo_to_dict(database)
        self.decide: Callable[[], bool] = lambda: False
        self.n_dropped = 0
        self.n_commits = 0

    def url(self, port: int) -> str:
        """The database, seen through the proxy."""
        user = quote(str(self._target["user"]), safe="")
        password = quote(str(self._target.get("password") or ""), safe="")
        return f"postgresql://{user}:{password}@127.0.0.1:{port}/{self._target['dbname']}"

    async def _open_target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._target["host"]), self._target.get("port") or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            target_reader, target_writer = await self._open_target()
            forward = asyncio.create_task(self._pass_on(reader, target_writer))
            try:
                await self._pass_back(target_reader, writer)
            finally:
                forward.cancel()
                for end in (target_writer, writer):
                    end.close()
                with contextlib.suppress(asyncio.CancelledError):
                    await forward

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(1 << 16):
                writer.write(content)
                await writer.drain()
        writer.close()

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(1 << 16):
            if _COMMITTED in content:
                self.n_commits += 1
                if self.decide():
                    self.n_dropped += 1
                    return
            writer.write(content)
            await writer.drain()


@asynccontextmanager
async def proxied(database: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy that loses nothing yet, and the database's URL through it."""
    proxy = Proxy(database)
    connections = set[asyncio.Task[None]]()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await proxy.serve(reader, writer)
        finally:
            connections.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield proxy, proxy.url(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
