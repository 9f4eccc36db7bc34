"""The bench: databases to measure on, servers over them, and rounds that can be believed."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from benchmarks import load, machine, traffic
from benchmarks.load import Load, LoadResult
from benchmarks.machine import MOST_FOREIGN_SHARE
from benchmarks.postgres import Postgres
from benchmarks.servers import (
    BaselineServer,
    DesirepathServer,
    Pythons,
    Server,
    ServerFailed,
    run_desirepath,
)

INTERACTIONS = "/v1/retrievers/interactions"
RETRIEVERS = 10
BATCH = 1_000
MOST_REPEATS = 2
QUIET_SAMPLE_SECONDS = 0.5
UNIQUE_PER_EXECUTION = 100


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    rounds: int
    warm_up_seconds: int
    seconds: int
    batch_seconds: int
    live_executions: int
    rows_read: int
    past_executions_read: int
    rows_grown: int
    past_executions_grown: int
    rows_recorded: int
    sampled_sessions: int
    lists_rebuilt: int
    people_kept: int
    learning_seeds: int
    click_sessions: int
    bias_repetitions: int
    bias_sessions: int
    searches_weighed: int


FULL = Sizes(
    rounds=3,
    warm_up_seconds=1,
    seconds=5,
    batch_seconds=10,
    live_executions=50_000,
    rows_read=1_000_000,
    past_executions_read=40_000,
    rows_grown=5_000_000,
    past_executions_grown=100_000,
    rows_recorded=5_000_000,
    sampled_sessions=800,
    lists_rebuilt=250_000,
    people_kept=100_000,
    learning_seeds=10,
    click_sessions=1_000_000,
    bias_repetitions=200,
    bias_sessions=100_000,
    searches_weighed=100_000,
)
QUICK = Sizes(
    rounds=3,
    warm_up_seconds=1,
    seconds=2,
    batch_seconds=4,
    live_executions=20_000,
    rows_read=50_000,
    past_executions_read=2_000,
    rows_grown=200_000,
    past_executions_grown=4_000,
    rows_recorded=200_000,
    sampled_sessions=200,
    lists_rebuilt=5_000,
    people_kept=2_000,
    learning_seeds=1,
    click_sessions=20_000,
    bias_repetitions=10,
    bias_sessions=20_000,
    searches_weighed=2_000,
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One measured run and what else used the machine meanwhile (1 = one whole core)."""

    result: LoadResult
    foreign_share: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Medians over the rounds of one contestant."""

    runs: Sequence[Run]

    def median(self, value: Callable[[LoadResult], float]) -> float:
        return median(value(run.result) for run in self.runs)

    def faults(self, name: str) -> list[str]:
        """Say which runs must not be believed, and why."""
        return [f"{name}: {run.result.fault}" for run in self.runs if run.result.fault]

    @property
    def foreign_share(self) -> float:
        """The share of a core that others used at worst."""
        return max(run.foreign_share for run in self.runs)

    def as_json(self) -> list[dict[str, Any]]:
        return [
            asdict(run.result)
            | {
                "requests_per_second": run.result.requests_per_second,
                "events_per_second": run.result.events_per_second,
                "foreign_share": run.foreign_share,
            }
            for run in self.runs
        ]


class Source(Protocol):
    """Where the loads of one contestant come from."""

    def load(self) -> Load:
        """Give the next load."""

    def sent(self, requests: int) -> None:
        """Learn how many requests of it were answered."""


@dataclass(frozen=True, kw_only=True)
class FixedSource:
    """The same load every time, for reads."""

    fixed: Load

    def load(self) -> Load:
        return self.fixed

    def sent(self, requests: int) -> None:
        """Nothing changes by reading."""


@dataclass(kw_only=True)
class PostSource:
    """Loads that post interactions, numbered on so that no two runs repeat one."""

    server: Server
    executions: Path
    n_executions: int
    batch_size: int = 0
    event_ids: bool = False
    connections: int = load.CONNECTIONS
    number: int = 0

    def load(self) -> Load:
        if not self.batch_size and self.number >= self.n_executions * UNIQUE_PER_EXECUTION:
            raise ServerFailed("Every unique interaction was posted: register more executions.")
        arguments = (str(self.executions), str(self.number), str(self.batch_size),
                     str(int(self.event_ids)), self.server.key, load.seed())  # fmt: skip
        return Load(
            url=self.server.url + INTERACTIONS + ("/batch" if self.batch_size else ""),
            script="interactions.lua",
            arguments=arguments,
            connections=self.connections,
        )

    def sent(self, requests: int) -> None:
        unanswered = 2 * self.connections
        self.number += (requests + unanswered) * max(self.batch_size, 1)


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """Something to measure on a new database that knows the live executions."""

    name: str
    executions: Path
    fresh: Callable[[], AbstractContextManager[Server]]


@dataclass(frozen=True, kw_only=True)
class SqliteDatabase:
    """A folder that holds a SQLite database of the product, or of the baseline, and nothing else
    worth counting.
    """

    folder: Path
    file_name: str = "desirepath.db"

    @property
    def path(self) -> Path:
        return self.folder / self.file_name

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob(self.file_name + "*"))

    def copy(self, folder: Path) -> "SqliteDatabase":
        shutil.copytree(self.folder, folder)
        os.sync()  # or the copy is written out while something is measured
        return SqliteDatabase(folder=folder, file_name=self.file_name)


@dataclass(kw_only=True, eq=False)
class Bench:
    """Everything the cases share; databases are made when first asked for."""

    sizes: Sizes
    folder: Path
    key: str
    pythons: Pythons
    with_desirepath: bool
    postgres: Postgres | None
    say: Callable[[str], None]
    patience_seconds: float = 600
    notes: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    # --- rounds

    def measure(self, server: Server, source: Source, seconds: int) -> Run:
        """Measure one run; when others used the machine, wait and try again, twice at most.

        The quietest attempt counts, whatever it measured.
        """
        attempts: list[Run] = []
        for _ in range(1 + MOST_REPEATS):
            self.wait_until_quiet(server.extra_roots)
            attempts.append(self.measure_once(server, source, seconds))
            share = attempts[-1].foreign_share
            if share <= MOST_FOREIGN_SHARE or self.patience_seconds <= 0:
                break
            self.say(f"    others used {share:.0%} of a core: again")
        return min(attempts, key=lambda run: run.foreign_share)

    def measure_once(self, server: Server, source: Source, seconds: int) -> Run:
        with machine.watch_foreign(server.extra_roots) as foreign:
            result = self.send(source, seconds)
        return Run(result=result, foreign_share=foreign.share)

    def wait_until_quiet(self, own_roots: Sequence[int]) -> None:
        """Wait while others use the machine, until the patience of the whole run is used up."""
        while self.patience_seconds > 0:
            with machine.watch_foreign(own_roots) as foreign:
                time.sleep(QUIET_SAMPLE_SECONDS)
            if foreign.share <= MOST_FOREIGN_SHARE:
                return
            self.patience_seconds -= foreign.seconds
            if self.patience_seconds <= 0:
                self.note("others used the machine for so long that the run stopped waiting")

    def send(self, source: Source, seconds: int) -> LoadResult:
        result = load.run(source.load(), seconds)
        source.sent(result.requests)
        return result

    def warm_and_measure(self, server: Server, source: Source, seconds: int | None = None) -> Run:
        self.send(source, self.sizes.warm_up_seconds)
        return self.measure(server, source, seconds or self.sizes.seconds)

    def interleave(self, contestants: Mapping[str, Callable[[], Run]]) -> dict[str, Summary]:
        """Measure A B A B ..., so that a change of the machine hits all alike."""
        runs: dict[str, list[Run]] = {name: [] for name in contestants}
        for number in range(1, self.sizes.rounds + 1):
            for name, measure_round in contestants.items():
                run = measure_round()
                runs[name].append(run)
                result = run.result
                self.say(
                    f"  round {number} {name}: {result.requests_per_second:,.0f} requests/s, "
                    f"p50 {result.p50_ms:.2f} ms, p99 {result.p99_ms:.2f} ms"
                    + (f" ({result.fault})" if result.fault else "")
                )
        return {name: Summary(runs=of_name) for name, of_name in runs.items()}

    # --- contestants

    @cached_property
    def contestants(self) -> list[Contestant]:
        """List what takes part: the baseline first, then the product on each database."""
        found = [self._baseline_contestant()]
        if self.with_desirepath:
            found.append(self._sqlite_contestant())
        if self.with_desirepath and self.postgres is not None:
            found.append(self._postgres_contestant(self.postgres))
        return found

    @cached_property
    def live_executions(self) -> list[traffic.Execution]:
        return traffic.make_executions(self.sizes.live_executions, seed=1)

    def _baseline_contestant(self) -> Contestant:
        executions = traffic.assign_retrievers(self.live_executions, retriever_names())
        template = self.new_baseline(executions)
        return Contestant(
            name="baseline",
            executions=self.write_executions("baseline", executions),
            fresh=lambda: self.copied(template, self.baseline_server),
        )

    def _sqlite_contestant(self) -> Contestant:
        template, executions = self.sqlite_with_live_executions
        return Contestant(
            name="sqlite",
            executions=executions,
            fresh=lambda: self.copied(template, self.sqlite_server),
        )

    def _postgres_contestant(self, postgres: Postgres) -> Contestant:
        self.say("PostgreSQL: registering the known executions")
        url = postgres.create("template")
        run_desirepath(
            self.pythons.desirepath, "migrate", "--database", url, log=self.folder / "migrate.log"
        )
        with self.postgres_server(url, postgres) as server:
            executions = self.register(server, self.live_executions)
            self.probe(server, executions[0])
        return Contestant(
            name="postgresql",
            executions=self.write_executions("postgresql", executions),
            fresh=lambda: self.copied_postgres(postgres),
        )

    @cached_property
    def sqlite_with_live_executions(self) -> tuple[SqliteDatabase, Path]:
        """Make a database of the product that knows the live executions."""
        self.say("SQLite: registering the known executions")
        database = self.new_sqlite()
        with self.sqlite_server(database) as server:
            executions = self.register(server, self.live_executions)
            self.probe(server, executions[0])
        return database, self.write_executions("sqlite", executions)

    @contextmanager
    def copied(
        self, template: SqliteDatabase, open_server: Callable[[SqliteDatabase], Server]
    ) -> Iterator[Server]:
        """Serve a copy of a database, which is thrown away afterwards."""
        database = template.copy(self.new_folder())
        try:
            with open_server(database) as server:
                yield server
        finally:
            shutil.rmtree(database.folder)

    @contextmanager
    def copied_postgres(self, postgres: Postgres) -> Iterator[Server]:
        url = postgres.create("round", template="template")
        try:
            with self.postgres_server(url, postgres) as server:
                yield server
        finally:
            postgres.drop("round")

    # --- servers and databases

    def new_folder(self) -> Path:
        return self.folder / f"database-{next(self._numbers)}"

    def new_sqlite(self) -> SqliteDatabase:
        folder = self.new_folder()
        folder.mkdir()
        return SqliteDatabase(folder=folder)

    def sqlite_server(self, database: SqliteDatabase) -> Server:
        return DesirepathServer(database.folder, self.key, self.pythons.desirepath, database.url)

    def postgres_server(self, url: str, postgres: Postgres) -> Server:
        folder = self.new_folder()
        folder.mkdir()
        python = self.pythons.desirepath
        return DesirepathServer(folder, self.key, python, url, extra_roots=postgres.roots)

    def baseline_server(self, database: SqliteDatabase) -> Server:
        return BaselineServer(database.folder, self.key, self.pythons.baseline)

    def new_baseline(self, executions: Sequence[traffic.Execution]) -> SqliteDatabase:
        """Make a database of the baseline; its executions are written straight into the file."""
        folder = self.new_folder()
        folder.mkdir()
        database = SqliteDatabase(folder=folder, file_name="baseline.db")
        with self.baseline_server(database):
            pass  # it makes its tables when it starts
        rows = (
            (
                e.execution_id,
                e.retriever_id,
                e.user_id,
                e.session_id,
                json.dumps({"query": e.query}),
            )
            for e in executions
        )
        with sqlite3.connect(database.path) as connection:
            connection.executemany("INSERT INTO executions VALUES (?, ?, ?, ?, ?)", rows)
        connection.close()
        return database

    # --- what a server is told before it is measured

    def register(
        self,
        server: Server,
        executions: Sequence[traffic.Execution],
        stages: Sequence[Mapping[str, Any]] = (),
    ) -> list[traffic.Execution]:
        """Make the retrievers and register the executions with them, 1,000 a call."""
        retriever_ids = [new_retriever(server, name, stages) for name in retriever_names()]
        assigned = traffic.assign_retrievers(executions, retriever_ids)
        for retriever_id in retriever_ids:
            payloads = [e.payload() for e in assigned if e.retriever_id == retriever_id]
            for first in range(0, len(payloads), BATCH):
                body = {"executions": payloads[first : first + BATCH]}
                answer = server.call(
                    "POST", f"/v1/retrievers/{retriever_id}/executions/batch", body
                )
                if answer.get("failed"):
                    raise ServerFailed(f"Executions were refused: {str(answer)[:500]}")
        return assigned

    def probe(self, server: Server, execution: traffic.Execution) -> None:
        """Post one interaction and read it back, so that faults show before anything is timed."""
        sent = json.loads(traffic.interaction(execution, 0))
        answer = server.call("POST", INTERACTIONS, sent)
        stored = server.call("GET", f"{INTERACTIONS}/{answer['interaction_id']}")
        differing = [name for name in ("feature_id", "execution_id") if stored[name] != sent[name]]
        if differing:
            raise ServerFailed(f"Read back other than posted: {differing}")
        if answer.get("warning"):
            self.note(f"every measured post is answered with a warning: {answer['warning']!r}")

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def posts(self, server: Server, executions: Path, **options: Any) -> PostSource:
        n_executions = self.sizes.live_executions
        return PostSource(
            server=server, executions=executions, n_executions=n_executions, **options
        )

    def register_live(self, server: Server, name: str) -> Path:
        """Register the live executions and return the file that the load script reads."""
        return self.write_executions(name, self.register(server, self.live_executions))

    def write_executions(self, name: str, executions: Sequence[traffic.Execution]) -> Path:
        path = self.folder / f"executions-{name}.tsv"
        traffic.write_executions(path, executions)
        return path


def retriever_names() -> list[str]:
    return [f"bench-{number}" for number in range(RETRIEVERS)]


def new_retriever(server: Server, name: str, stages: Sequence[Mapping[str, Any]] = ()) -> str:
    body = {"retriever_name": name, "stages": list(stages)}
    answer = server.call("POST", "/v1/retrievers", body)
    retriever = answer.get("retriever", answer)
    return str(retriever["retriever_id"])
