"""The cases: what is measured, and the target each figure is held against."""

import json
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, median

from benchmarks import (
    click_cases,
    evaluating,
    learned_cases,
    machine,
    position_bias,
    reranking,
    serving,
    traffic,
    what_if,
)
from benchmarks.bench import (
    BATCH,
    INTERACTIONS,
    Bench,
    Contestant,
    FixedSource,
    PostSource,
    Run,
    SqliteDatabase,
    Summary,
)
from benchmarks.filling import Filled, baseline_for_reads, fill, filled_for_reads
from benchmarks.load import CONNECTIONS, Load, seed
from benchmarks.report import (
    Row,
    Target,
    at_least,
    at_least_times,
    at_most,
    either,
    under_times,
)
from benchmarks.servers import Server

BATCH_CONNECTIONS = 4
FEW_CONNECTIONS = 8
PAGE = 50
LISTED_VALUES = 1_000
MEMORY_CHUNK_SECONDS = 10
MEMORY_MOST_SECONDS = 1_800
SINGLES_SHARE = 0.2
FLAT_FACTOR = 1.1

Case = Callable[[Bench], list[Row]]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one contestant did, beside what it is compared with."""

    name: str
    summary: Summary | None
    against: Summary | None = None
    against_name: str = "baseline"

    def row(
        self,
        what: str,
        unit: str,
        measure: Callable[[Summary], float],
        target: Target | None = None,
    ) -> Row:
        """Write one figure of both as a row."""
        name_to_summary = {self.name: self.summary, self.against_name: self.against}
        present = {name: summary for name, summary in name_to_summary.items() if summary}
        return Row(
            what=what,
            unit=unit,
            value=measure(self.summary) if self.summary else None,
            against=measure(self.against) if self.against else None,
            against_name=self.against_name,
            target=target,
            faults=[text for name, summary in present.items() for text in summary.faults(name)],
            foreign_share=max(summary.foreign_share for summary in present.values()),
            detail={name: summary.as_json() for name, summary in present.items()},
        )


def against_baseline(summaries: Mapping[str, Summary]) -> list[Measured]:
    """Pair every contestant with the baseline, which stands alone where the product is absent."""
    baseline = summaries["baseline"]
    others = {name: summary for name, summary in summaries.items() if name != "baseline"}
    if not others:
        return [Measured(name="no product", summary=None, against=baseline)]
    return [
        Measured(name=name, summary=summary, against=baseline) for name, summary in others.items()
    ]


def requests_per_second(summary: Summary) -> float:
    return summary.median(lambda result: result.requests_per_second)


def events_per_second(summary: Summary) -> float:
    return summary.median(lambda result: result.events_per_second)


def p99_ms(summary: Summary) -> float:
    return summary.median(lambda result: result.p99_ms)


# --- single and batched posts


def post(bench: Bench) -> list[Row]:
    """Single durable POST, 64 at a time, on a new database."""
    rounds = {c.name: partial(post_round, bench, c) for c in bench.contestants}
    rows = []
    for measured in against_baseline(bench.interleave(rounds)):
        what = f"single POST, {measured.name}"
        rows += [
            measured.row(what, "requests/s", requests_per_second, at_least_times(12)),
            measured.row(f"{what}, p99", "ms", p99_ms, under_times(0.2)),
        ]
    return rows


def post_round(bench: Bench, contestant: Contestant) -> Run:
    with contestant.fresh() as server:
        return bench.warm_and_measure(server, bench.posts(server, contestant.executions))


def batch(bench: Bench) -> list[Row]:
    """Batches of 1,000, 4 at a time, on a new database."""
    rounds = {c.name: partial(batch_round, bench, c) for c in bench.contestants}
    return [
        measured.row(
            f"batches of {BATCH:,}, {measured.name}",
            "events/s",
            events_per_second,
            at_least_times(8),
        )
        for measured in against_baseline(bench.interleave(rounds))
    ]


def batch_round(bench: Bench, contestant: Contestant) -> Run:
    with contestant.fresh() as server:
        source = bench.posts(
            server, contestant.executions, batch_size=BATCH, connections=BATCH_CONNECTIONS
        )
        return bench.warm_and_measure(server, source, bench.sizes.batch_seconds)


# --- a table of a million rows


def import_(bench: Bench) -> list[Row]:
    """`desirepath import` of JSON lines: the whole command on all cores, its report included."""
    return [import_row(filled_for_reads(bench), at_least(50_000))]


def import_row(filled: Filled, target: Target | None = None) -> Row:
    return Row(
        what=f"import of {filled.rows:,} interactions, sqlite",
        unit="events/s",
        value=filled.rows / median(run.seconds for run in filled.imports),
        target=target,
        foreign_share=max(run.foreign_share for run in filled.imports),
        detail={"imports": [asdict(run) for run in filled.imports]},
    )


def size(bench: Bench) -> list[Row]:
    """Bytes on disk, indexes included, after the process has closed the file."""
    filled = filled_for_reads(bench)
    return [
        Row(
            what="one interaction on disk, sqlite", unit="bytes", value=filled.bytes_per_interaction
        ),
        Row(
            what=f"one execution of {traffic.SHOWN} documents on disk, sqlite",
            unit="bytes",
            value=filled.bytes_per_execution,
        ),
    ]


def get(bench: Bench) -> list[Row]:
    """GET by id, warm: ids of random sessions in random order, 64 at a time."""
    baseline, executions = baseline_for_reads(bench)
    with ExitStack() as stack:
        loads: dict[str, tuple[Server, Load]] = {}
        server = stack.enter_context(bench.baseline_server(baseline))
        ids = baseline_ids(baseline, sampled_sessions(bench, executions))
        loads["baseline"] = server, get_load(bench, server, "baseline", ids)
        if bench.with_desirepath:
            filled = filled_for_reads(bench)
            server = stack.enter_context(bench.sqlite_server(filled.database))
            ids = desirepath_ids(server, sampled_sessions(bench, filled.executions))
            loads["sqlite"] = server, get_load(bench, server, "sqlite", ids)
        summaries = bench.interleave(
            {
                contestant: partial(bench.warm_and_measure, server, FixedSource(fixed=load))
                for contestant, (server, load) in loads.items()
            }
        )
    rows = []
    for measured in against_baseline(summaries):
        what = f"GET by id, {bench.sizes.rows_read:,} rows, {measured.name}"
        target = either(at_least(20_000), at_least_times(4))
        rows += [
            measured.row(what, "requests/s", requests_per_second, target),
            measured.row(f"{what}, p99", "ms", p99_ms),
        ]
    return rows


def sampled_sessions(bench: Bench, executions: Sequence[traffic.Execution]) -> list[str]:
    sessions = sorted({execution.session_id for execution in executions})
    rng = random.Random(4)
    return rng.sample(sessions, min(bench.sizes.sampled_sessions, len(sessions)))


def desirepath_ids(server: Server, sessions: Sequence[str]) -> list[str]:
    ids = []
    for session_id in sessions:
        path = f"{INTERACTIONS}/list?limit=1000"
        answer = server.call("POST", path, {"session_id": session_id})
        ids += [found["interaction_id"] for found in answer["results"]]
    return ids


def baseline_ids(database: SqliteDatabase, sessions: Sequence[str]) -> list[str]:
    query = "SELECT id FROM interactions WHERE session_id = ?"
    with sqlite3.connect(database.path) as connection:
        ids = [str(row[0]) for session in sessions for row in connection.execute(query, [session])]
    connection.close()
    return ids


def get_load(bench: Bench, server: Server, name: str, ids: Sequence[str]) -> Load:
    path = bench.folder / f"ids-{name}.txt"
    path.write_text("\n".join(ids) + "\n")
    return Load(
        url=f"{server.url}{INTERACTIONS}/",
        script="lines.lua",
        arguments=(str(path), "GET", server.key, seed()),
    )


def list_(bench: Bench) -> list[Row]:
    """The newest page of 50 by retriever, session and user."""
    filled = filled_for_reads(bench)
    loads = {}
    with bench.sqlite_server(filled.database) as server:
        for field in ("retriever_id", "session_id", "user_id"):
            path = write_list_bodies(bench, filled, field)
            for connections in (CONNECTIONS, FEW_CONNECTIONS):
                loads[field, connections] = list_load(server, path, connections)
        summaries = bench.interleave(
            {
                f"{field} c={connections}": partial(
                    bench.warm_and_measure, server, FixedSource(fixed=load)
                )
                for (field, connections), load in loads.items()
            }
        )
    return [
        row
        for (field, connections), summary in zip(loads, summaries.values(), strict=True)
        for row in list_rows(bench, field, connections, summary)
    ]


def list_rows(bench: Bench, field: str, connections: int, summary: Summary) -> list[Row]:
    what = f"list {PAGE} by {field} of {bench.sizes.rows_read:,}, {connections} at a time"
    measured = Measured(name="sqlite", summary=summary)
    target = at_most(20) if connections == CONNECTIONS else None
    return [
        measured.row(f"{what}, p99", "ms", p99_ms, target),
        measured.row(what, "pages/s", requests_per_second),
    ]


def write_list_bodies(bench: Bench, filled: Filled, field: str) -> Path:
    rng = random.Random(5)
    path = bench.folder / f"list-{field}.jsonl"
    chosen = rng.choices(filled.executions, k=LISTED_VALUES)
    path.write_text("".join(json.dumps({field: getattr(e, field)}) + "\n" for e in chosen))
    return path


def list_load(server: Server, bodies: Path, connections: int) -> Load:
    return Load(
        url=f"{server.url}{INTERACTIONS}/list?limit={PAGE}",
        script="lines.lua",
        arguments=(str(bodies), "POST", server.key, seed()),
        connections=connections,
    )


# --- a table of five million rows


def grown(bench: Bench) -> list[Row]:
    """The same POST on a table of five million rows and on an empty one."""
    filled = fill(
        bench,
        rows=bench.sizes.rows_grown,
        n_executions=bench.sizes.past_executions_grown,
        times=1,
    )
    with bench.sqlite_server(filled.database) as server:
        source = bench.posts(server, bench.register_live(server, "grown"))
        contestants: dict[str, Callable[[], Run]] = {}
        for event_ids in (False, True):
            contestants[f"empty {event_ids}"] = partial(empty_round, bench, event_ids)
            contestants[f"grown {event_ids}"] = partial(grown_round, bench, source, event_ids)
        summaries = bench.interleave(contestants)
    rows = [grown_row(bench, summaries, event_ids) for event_ids in (False, True)]
    return [*rows, import_row(filled)]


def empty_round(bench: Bench, event_ids: bool) -> Run:
    template, executions = bench.sqlite_with_live_executions
    with bench.copied(template, bench.sqlite_server) as server:
        source = bench.posts(server, executions, event_ids=event_ids)
        return bench.warm_and_measure(server, source)


def grown_round(bench: Bench, source: PostSource, event_ids: bool) -> Run:
    source.event_ids = event_ids
    return bench.warm_and_measure(source.server, source)


def grown_row(bench: Bench, summaries: Mapping[str, Summary], event_ids: bool) -> Row:
    measured = Measured(
        name="sqlite",
        summary=summaries[f"grown {event_ids}"],
        against=summaries[f"empty {event_ids}"],
        against_name="empty table",
    )
    what = f"single POST on {bench.sizes.rows_grown:,} rows"
    suffix = "with event_id" if event_ids else "without event_id"
    return measured.row(f"{what}, {suffix}", "requests/s", requests_per_second, at_least_times(0.5))


# --- memory


@dataclass(kw_only=True)
class Recording:
    """How many were recorded so far, and the memory of the server at each point."""

    recorded: int = 0
    samples: list[tuple[int, machine.Memory]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def resident_mb_at(self, share: float) -> float:
        """Look up the first sample after a share of all that was recorded."""
        wanted = share * self.recorded
        return next(memory.resident_mb for at, memory in self.samples if at >= wanted)


def memory(bench: Bench) -> list[Row]:
    """Resident memory while five million are recorded: a fifth singly, the rest in batches."""
    total = bench.sizes.rows_recorded
    template, executions = bench.sqlite_with_live_executions
    recording = Recording()
    with bench.copied(template, bench.sqlite_server) as server:
        recording.samples.append((0, machine.memory_of([server.pid])))
        singles = bench.posts(server, executions, event_ids=True)
        record(bench, singles, int(total * SINGLES_SHARE), recording)
        batches = bench.posts(
            server, executions, event_ids=True, batch_size=BATCH, connections=BATCH_CONNECTIONS
        )
        record(bench, batches, total, recording)
    return memory_rows(recording)


def record(bench: Bench, source: PostSource, until: int, recording: Recording) -> None:
    """Post until that many are recorded in all, and note the memory every few seconds."""
    deadline = time.monotonic() + MEMORY_MOST_SECONDS
    while recording.recorded < until:
        result = bench.send(source, MEMORY_CHUNK_SECONDS)
        recording.recorded += result.created
        recording.samples.append((recording.recorded, machine.memory_of([source.server.pid])))
        bench.say(
            f"  {recording.recorded:,} recorded: {recording.samples[-1][1].resident_mb:.0f} MB"
        )
        if result.fault:
            recording.faults.append(result.fault)
        if time.monotonic() > deadline:
            recording.faults.append(f"stopped at {recording.recorded:,}: out of time")
            return


def memory_rows(recording: Recording) -> list[Row]:
    last = recording.samples[-1][1]
    samples = [{"recorded": at, **asdict(memory)} for at, memory in recording.samples]
    what = f"server memory after {recording.recorded:,} recorded, sqlite"
    return [
        Row(
            what=what,
            unit="MB resident",
            value=last.resident_mb,
            target=at_most(400),
            faults=recording.faults,
            detail={"samples": samples},
        ),
        Row(what=f"{what}, without mapped files", unit="MB", value=last.anonymous_mb),
        Row(
            what="server memory, end against half way",
            unit="MB resident",
            value=last.resident_mb,
            against=recording.resident_mb_at(0.5),
            against_name="half way",
            target=under_times(FLAT_FACTOR),
            faults=recording.faults,
        ),
    ]


def learning(bench: Bench) -> list[Row]:
    """Learn from simulated shoppers in the product, in process, and hold it against the bars.

    The whole page: ``python -m benchmarks.learning --engine product``.
    """
    from benchmarks import learning as study

    if not study.DATA.is_dir():
        bench.note(f"learning: the ESCI sample is not in {study.DATA}")
        return []
    results, bars = study.study_of("product", study.DATA, bench.sizes.learning_seeds, processes=2)
    for bar in bars:
        bench.say(f"  {'reached' if bar.reached else 'MISSED'}: {bar.name}: {bar.measured}")
    rows = []
    for name in results.scenarios():
        cell = results.served(name, "PBM 1/√r")
        for other, value in (("RRF", cell.references.rrf), ("equal", cell.references.uniform)):
            rows.append(
                Row(
                    what=f"learning, {name}: after 1,000 simulated searches",
                    unit="nDCG@10",
                    value=fmean(cell.ndcg(1_000)),
                    against=value,
                    against_name=other,
                )
            )
    reached = sum(bar.reached for bar in bars)
    target = at_least(len(bars))
    return [*rows, Row(what="learning: bars reached", unit="bars", value=reached, target=target)]


CASES: dict[str, Case] = {
    "post": post,
    "batch": batch,
    "get": get,
    "list": list_,
    "import": import_,
    "size": size,
    "grown": grown,
    "memory": memory,
    "search": serving.search,
    "candidates": serving.candidates,
    "rerank": reranking.rerank,
    "recording": learned_cases.recording,
    "resolve": learned_cases.resolve,
    "rebuild": learned_cases.rebuild,
    "state": learned_cases.state,
    "learning": learning,
    "click-models": click_cases.click_models,
    "position-bias": position_bias.position_bias,
    "evaluate": evaluating.evaluate,
    "what-if": what_if.what_if,
}
NEEDS_DESIREPATH = frozenset(CASES) - {"post", "batch", "get"}
NEEDS_POSTGRES = frozenset({"post", "batch", "resolve", "rebuild", "state"})
