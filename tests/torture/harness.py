"""What every fault test needs: servers to kill, writers that keep a ledger, and the common check.

The ledger follows one rule: a request without an answer is *unknown*, neither stored nor lost, and
sending it again must end in exactly one row. After each fault :func:`settle` does so, and
:func:`verify` then compares the database with everything that was ever promised.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import psutil
import psycopg

from desirepath.domain.ids import parse_id
from desirepath.storage.sqlite.storage import driver

REPOSITORY = Path(__file__).resolve().parents[2]
ADMIN_KEY = "torture-admin-key"
RECORD = "/v1/retrievers/interactions"
BATCH = RECORD + "/batch"
START_SECONDS = 60.0
ANSWER_SECONDS = 40.0
_PYCACHE = Path(tempfile.gettempdir()) / f"desirepath-torture-pycache-{os.getuid()}"

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def environment(**more: str) -> dict[str, str]:
    """Variables for our processes: byte code is kept, so that the next start is a quick one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DESIREPATH_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {
        **kept,
        "DESIREPATH_ADMIN_KEY": ADMIN_KEY,
        "PYTHONPYCACHEPREFIX": str(_PYCACHE),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def run_command(*arguments: str, database: str, timeout: float = 120) -> str:
    """Run a ``desirepath`` command to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "desirepath", *arguments, "--database", database],
        env=environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stderr[-3000:]}"
    return done.stdout


# Servers


class NotStarted(AssertionError):
    """A server that ended, or said nothing, before it was ready."""


class Process(Protocol):
    """What is used of ``Popen``."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Launch(Protocol):
    """Starts ``desirepath`` with arguments, writing to two files."""

    def __call__(
        self, arguments: Sequence[str], out: Path, err: Path, variables: dict[str, str]
    ) -> Process: ...


def launch_process(
    arguments: Sequence[str],
    out: Path,
    err: Path,
    variables: dict[str, str],
    *,
    wrapper: Sequence[str] = (),
    module: str = "desirepath",
) -> Process:
    """Start it as from a shell: ``python -m desirepath``, perhaps under another program."""
    with out.open("wb") as stdout, err.open("wb") as stderr:
        return subprocess.Popen(
            [*wrapper, sys.executable, "-m", module, *arguments],
            stdout=stdout,
            stderr=stderr,
            env=variables,
            cwd=REPOSITORY,
        )


class Program:
    """A running ``desirepath``, in a process of its own, once it has printed ``ready``."""

    def __init__(
        self,
        command: str,
        database: str,
        *flags: str,
        launch: Launch = launch_process,
        **variables: str,
    ) -> None:
        self.database = database
        self._folder = Path(tempfile.mkdtemp(prefix="dp-program-"))
        self._out, self._err = self._folder / "out", self._folder / "err"
        for file in (self._out, self._err):
            file.touch()
        started = time.monotonic()
        self.process = launch(
            (command, "--database", database, *flags),
            self._out,
            self._err,
            environment(**variables),
        )
        try:
            self.ready = self._wait_until_ready(started + START_SECONDS)
        except BaseException:
            self.kill()
            raise
        self.seconds_to_ready = time.monotonic() - started

    def _wait_until_ready(self, deadline: float) -> str:
        while time.monotonic() < deadline:
            code = self.process.poll()
            for line in self._out.read_text().splitlines(keepends=True):
                if line.startswith("ready") and line.endswith("\n"):
                    return line.strip()
            if code is not None:
                break
            time.sleep(0.02)
        raise NotStarted(f"exit code {self.process.poll()}: {self.errors()[-3000:]}")

    @property
    def pid(self) -> int:
        return self.process.pid

    def errors(self) -> str:
        """What it wrote to standard error."""
        return self._err.read_text(errors="replace")

    def tree(self) -> list[psutil.Process]:
        """Its processes, children last."""
        try:
            top = psutil.Process(self.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """End it and its children as ``kill -9`` does."""
        if self.process.poll() is None:
            for process in self.tree():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait(10)

    def terminate(self) -> None:
        """Ask it to stop."""
        os.kill(self.pid, signal.SIGTERM)

    def stop(self, seconds: float = 20) -> int:
        """Ask it to stop, wait, and return the exit code."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {seconds} s after SIGTERM") from None

    def close(self) -> None:
        """Kill it if it still runs, and forget what it printed; the second time does nothing."""
        if self._folder.exists():
            self.kill()
            shutil.rmtree(self._folder, ignore_errors=True)


class Server(Program):
    """A running ``desirepath serve``."""

    def __init__(
        self, database: str, *flags: str, launch: Launch = launch_process, **variables: str
    ) -> None:
        super().__init__("serve", database, "--port", "0", *flags, launch=launch, **variables)
        self.port = int(self.ready.rpartition(":")[2])


@contextmanager
def serving(database: str, *flags: str, **options: Any) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(database, *flags, **options)
    try:
        yield server
    finally:
        server.close()


@asynccontextmanager
async def serving_beside(database: str, *flags: str, **options: Any) -> AsyncIterator[Server]:
    """A server that starts while tasks of this loop go on: what it talks to may be one of them."""
    server = await asyncio.to_thread(functools.partial(Server, database, *flags, **options))
    try:
        yield server
    finally:
        await asyncio.to_thread(server.close)


@contextmanager
def serving_many(
    n_servers: int, database: str, *flags: str, **options: Any
) -> Iterator[list[Server]]:
    """Several servers on one database."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(serving(database, *flags, **options)) for _ in range(n_servers)]


_FAILED_REQUEST = re.compile(r"request \S+ failed: ")
"""How a request that ends in 500 is logged; libpq says that something "failed: ", too."""


def assert_quiet(*programs: Program) -> None:
    """None met an error that it did not expect."""
    for program in programs:
        text = program.errors()
        assert "Traceback" not in text, text[-6000:]
        assert not _FAILED_REQUEST.search(text), text[-6000:]


def ports_of(servers: Iterable[Server]) -> list[int]:
    return [server.port for server in servers]


# Requests


class NoAnswer(Exception):
    """The connection was refused, or ended before a whole answer came."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return decode(self.body)


class Client:
    """One connection to a port of this machine, opened when needed and kept open."""

    def __init__(self, port: int, key: str = ADMIN_KEY) -> None:
        self.port = port
        self.key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Reply:
        """Send one request and read its answer.

        Raises
        ------
        NoAnswer
            Whether the request had an effect is not known.
        """
        content = b"" if body is None else encode(body)
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: local",
            f"Authorization: Bearer {self.key}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        message = "\r\n".join(lines).encode() + b"\r\n\r\n" + content
        try:
            async with asyncio.timeout(seconds):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = self._streams
                writer.write(message)
                reply = await read_reply(reader)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as error:
            await self.close()
            raise NoAnswer(repr(error)) from error
        if reply.headers.get("connection") == "close":
            await self.close()
        return reply

    async def post(self, body: object, path: str = RECORD, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("POST", path, body, headers=named)

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.request("GET", path, **options)

    async def close(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """One answer from a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict[str, str]()
    for line in filter(None, head[1:]):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(head[0].split(" ", 2)[1]), headers, body)


@asynccontextmanager
async def clients(ports: Sequence[int], key: str = ADMIN_KEY) -> AsyncIterator[list[Client]]:
    """One client a port, closed at the end."""
    opened = [Client(port, key) for port in ports]
    try:
        yield opened
    finally:
        for client in opened:
            await client.close()


# The ledger


@dataclass
class Sent:
    """A request, with what is needed to send it again exactly."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    events: list[dict[str, Any]]
    """Its interactions. Each has a ``feature_id`` that no other event has."""

    @property
    def names(self) -> list[str]:
        return [event["feature_id"] for event in self.events]


@dataclass
class Ledger:
    """Who sent what, and what was promised in return."""

    requests: list[Sent] = field(default_factory=list)
    name_to_event: dict[str, dict[str, Any]] = field(default_factory=dict)
    acked: dict[str, str] = field(default_factory=dict)
    """Event to the interaction_id that was promised."""
    n_duplicates: int = 0
    """Events whose acknowledgement said that they were stored before."""
    unknown: dict[int, Sent] = field(default_factory=dict)
    refused: dict[int, Sent] = field(default_factory=dict)
    """Requests whose last answer was an error that says nothing was stored."""
    lost: set[int] = field(default_factory=set)
    """Requests with an attempt that got no answer."""
    statuses: Counter[int] = field(default_factory=Counter)
    slowest_seconds: float = 0.0

    def send(self, request: Sent) -> int:
        """Write down that a request is on its way."""
        number = len(self.requests)
        self.requests.append(request)
        self.unknown[number] = request
        for event in request.events:
            self.name_to_event[event["feature_id"]] = event
        return number

    def settle(self, number: int, reply: Reply) -> None:
        """Write down an answer."""
        request = self.requests[number]
        self.statuses[reply.status] += 1
        if reply.status == 200:
            self.unknown.pop(number, None)
            self.refused.pop(number, None)
            self._ack(request, reply.json())
        elif number not in self.lost:
            self.unknown.pop(number, None)
            self.refused[number] = request

    def lose(self, number: int) -> None:
        """Write down that an attempt got no answer: no later error tells what became of it."""
        self.lost.add(number)
        self.unknown[number] = self.requests[number]
        self.refused.pop(number, None)

    def _ack(self, request: Sent, answer: dict[str, Any]) -> None:
        if "results" in answer:
            assert answer["failed"] == 0, answer
            assert answer["created"] + answer["duplicates"] == len(request.events), answer
            self.n_duplicates += answer["duplicates"]
            pairs = [(row["index"], row["interaction_id"]) for row in answer["results"]]
        else:
            self.n_duplicates += answer["deduplicated"]
            pairs = [(0, answer["interaction_id"])]
        for index, interaction_id in pairs:
            assert interaction_id is not None, f"dropped as a repeat: {request.body}"
            name = request.names[index]
            earlier = self.acked.setdefault(name, interaction_id)
            assert earlier == interaction_id, f"{name} was acknowledged as two interactions"

    @property
    def n_sent(self) -> int:
        return len(self.name_to_event)

    def summary(self) -> str:
        n_unknown = sum(len(request.events) for request in self.unknown.values())
        n_refused = sum(len(request.events) for request in self.refused.values())
        assert self.n_sent == len(self.acked) + n_unknown + n_refused, "the ledger does not add up"
        return (
            f"{self.n_sent:,} sent = {len(self.acked):,} acknowledged (of these "
            f"{self.n_duplicates:,} found stored already) + {n_refused:,} refused + "
            f"{n_unknown:,} unknown"
        )


class Requests:
    """Makes requests of every kind that promises exactly one row."""

    def __init__(self, rng: random.Random, kinds: Sequence[str] = ()) -> None:
        self._rng = rng
        self._kinds = kinds or ("event", "event", "event", "shown", "keyed", "batch")

    def next(self) -> Sent:
        kind = self._rng.choice(self._kinds)
        if kind == "batch":
            events = [self._event(named=True) for _ in range(self._rng.randint(2, 6))]
            return Sent(BATCH, {"interactions": events}, {}, events)
        event = self._event(named=kind != "keyed")
        if kind == "shown":  # deduplicated by its execution as well
            event["execution_id"] = f"search-{self._rng.getrandbits(64):x}"
        headers = {"Idempotency-Key": f"key-{event['feature_id']}"} if kind == "keyed" else {}
        return Sent(RECORD, event, headers, [event])

    def _event(self, *, named: bool) -> dict[str, Any]:
        name = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        event: dict[str, Any] = {
            "feature_id": f"doc-{name}",
            "interaction_type": self._rng.sample(["click", "view", "purchase", "share"], 2),
            "position": self._rng.randrange(50),
            "user_id": f"user-{self._rng.randrange(200)}",
            "session_id": f"session-{self._rng.randrange(1000)}",
            "metadata": {"note": "x" * self._rng.randrange(400)},
        }
        if named:
            event["event_id"] = name
        return event


async def send_once(ledger: Ledger, client: Client, number: int) -> Reply | None:
    """Send a request of the ledger, and write down what came back."""
    request = ledger.requests[number]
    started = time.monotonic()
    try:
        reply = await client.request("POST", request.path, request.body, headers=request.headers)
    except NoAnswer:
        ledger.lose(number)
        return None
    ledger.slowest_seconds = max(ledger.slowest_seconds, time.monotonic() - started)
    ledger.settle(number, reply)
    return reply


@dataclass
class Load:
    """Writers that send until told to stop.

    Parameters
    ----------
    ports
        Where to; may be changed while they run.
    retry
        The share of unknown or refused requests that are sent again at once.
    """

    ledger: Ledger
    ports: list[int]
    rng: random.Random
    n_writers: int = 8
    retry: float = 0.5
    kinds: Sequence[str] = ()
    pause_seconds: float = 0.0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Write until :attr:`stopped` is set and every writer has its last answer."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.n_writers):
                group.create_task(self._write(random.Random(self.rng.getrandbits(64))))

    async def _write(self, rng: random.Random) -> None:
        requests = Requests(rng, self.kinds)
        client = Client(rng.choice(self.ports))
        while not self.stopped.is_set():
            number = self.ledger.send(requests.next())
            while not self.stopped.is_set():
                if client.port not in self.ports:
                    await client.close()
                    client = Client(rng.choice(self.ports))
                reply = await send_once(self.ledger, client, number)
                if reply is not None and reply.status == 200:
                    break
                await asyncio.sleep(0.02)
                client.port = rng.choice(self.ports)
                await client.close()
                if rng.random() >= self.retry:
                    break
            if self.pause_seconds:
                await asyncio.sleep(self.pause_seconds)
        await client.close()


@asynccontextmanager
async def writing(load: Load) -> AsyncIterator[Load]:
    """Write while the block runs, then wait for the last answers."""
    task = asyncio.create_task(load.run())
    try:
        yield load
    finally:
        load.stopped.set()
        await task


async def settle(ledger: Ledger, ports: Sequence[int], seconds: float = 60) -> None:
    """Send again what is unknown or refused, until everything is acknowledged."""
    deadline = time.monotonic() + seconds
    async with clients(ports) as opened:
        while open_numbers := [*ledger.unknown, *ledger.refused]:
            assert time.monotonic() < deadline, f"cannot settle: {ledger.summary()}"
            for turn, number in enumerate(open_numbers):
                await send_once(ledger, opened[turn % len(opened)], number)


# The common check


async def verify(ledger: Ledger, ports: Sequence[int], database: str) -> str:
    """Prove that every promise was kept.

    Returns
    -------
    str
        The ledger in one line.
    """
    await read_back(ledger, ports)
    stored = stored_ids(database)
    twice = {name: ids for name, ids in stored.items() if len(ids) > 1}
    assert not twice, f"{len(twice)} events are stored twice: {dict(list(twice.items())[:3])}"
    lost = [name for name, id in ledger.acked.items() if stored.get(name) != [id]]
    assert not lost, f"{len(lost)} acknowledged events are lost: {lost[:3]}"
    unknown = {name for request in ledger.unknown.values() for name in request.names}
    phantom = set(stored) & set(ledger.name_to_event) - set(ledger.acked) - unknown
    assert not phantom, f"{len(phantom)} refused events are stored: {sorted(phantom)[:3]}"
    check_integrity(database)
    return ledger.summary() + ": 0 lost, 0 twice"


async def read_back(
    ledger: Ledger, ports: Sequence[int], names: Sequence[str] | None = None
) -> None:
    """Read acknowledged interactions through the API and compare them with what was sent."""
    queue = list(ledger.acked if names is None else names)

    async def reader(port: int) -> None:
        client = Client(port)
        while queue:
            name = queue.pop()
            reply = await client.get(f"{RECORD}/{ledger.acked[name]}")
            assert reply.status == 200, f"{name}, acknowledged, answers {reply.status}"
            stored = reply.json()
            del stored["metadata"]["reward_value"]
            event = ledger.name_to_event[name]
            assert {key: stored[key] for key in event} == event
        await client.close()

    await asyncio.gather(*(reader(port) for port in ports for _ in range(4)))


def stored_ids(database: str) -> dict[str, list[str]]:
    """The interaction ids of each feature_id, straight from the tables."""
    found: dict[str, list[str]] = {}
    for name, id in query(database, "SELECT feature_id, id FROM interactions"):
        found.setdefault(name, []).append(f"int_{bytes(id).hex()}")
    return found


def query(database: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement that both databases understand."""
    if (path := sqlite_path(database)) is not None:
        with closing(driver.connect(str(path), timeout=30)) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
            return rows
    with psycopg.connect(database) as connection:
        return connection.execute(statement.encode()).fetchall()


def sqlite_path(database: str) -> Path | None:
    """The file of an SQLite URL."""
    prefix = "sqlite:///"
    return Path(database.removeprefix(prefix)) if database.startswith(prefix) else None


def check_integrity(database: str) -> None:
    """Ask the database whether it is whole."""
    if (path := sqlite_path(database)) is not None:
        assert integrity_of(path) == ["ok"]
        return
    with psycopg.connect(database, autocommit=True) as connection:
        available = connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'"
        ).fetchone()
        if available:
            connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            connection.execute(
                "SELECT bt_index_check(index => c.oid, heapallindexed => true) FROM pg_class c "
                "JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.relkind = 'i' AND a.amname = 'btree' AND n.nspname = 'public'"
            )
            return
        # Without amcheck: every table has the same rows by its indexes as by its pages, whose
        # checksums are compared on the way.
        for (table,) in connection.execute(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname = 'public'"
        ).fetchall():
            counts = []
            for off in ("enable_indexscan", "enable_seqscan"):
                with connection.transaction():
                    connection.execute(f"SET LOCAL {off} = off".encode())
                    connection.execute(b"SET LOCAL enable_bitmapscan = off")
                    row = connection.execute(f'SELECT count(*) FROM "{table}"'.encode()).fetchone()
                    counts.append(row)
            assert counts[0] == counts[1], f"{table}: {counts}"


def integrity_of(path: Path) -> list[str]:
    """What SQLite says about a file: ``["ok"]``, or its faults."""
    with closing(driver.connect(str(path), timeout=30)) as connection:
        return [row[0] for row in connection.execute("PRAGMA integrity_check")]


# Odds and ends


async def until(
    condition: Callable[[], Awaitable[bool]], seconds: float, pause_seconds: float = 0.05
) -> float:
    """Wait until a condition holds, and return how long it took."""
    started = time.monotonic()
    while not await condition():
        waited = time.monotonic() - started
        assert waited < seconds, f"not within {seconds} s"
        await asyncio.sleep(pause_seconds)
    return time.monotonic() - started


def id_bytes(interaction_id: str) -> bytes:
    id = parse_id("int", interaction_id)
    assert id is not None
    return id


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
