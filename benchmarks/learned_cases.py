"""The cases of what is learned: recording beside it, resolving, making it anew, keeping it.

``recording`` goes over HTTP; the others drive the engine in this process, on the server's core.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import Bench, Run, SqliteDatabase, Summary
from benchmarks.machine import SERVER_CORE, pinned_to
from benchmarks.report import Row, at_least_times, at_most
from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.ids import format_id
from desirepath.domain.interaction import Interaction
from desirepath.domain.learning_config import LINEAR, LearningConfig
from desirepath.domain.ranking import Contexts, Ranking, day_of
from desirepath.engine.engine import Engine
from desirepath.engine.learning.adding import Change, add_up, identity_context
from desirepath.engine.learning.rebuilding import begin_rebuild, rebuild_some
from desirepath.engine.serving.fusing import FusionPlan
from desirepath.engine.serving.people import Asker
from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.bandits.linear_thompson import LinearThompson
from desirepath.methods.bandits.sums import nothing
from desirepath.methods.fusion.candidates import FoundList
from desirepath.server import open_engine
from desirepath.settings import load_settings
from desirepath.storage.base import Storage

FEATURES = ("text://title", "text://body", "text://brand", "vector://image")
RETRIEVER = "ret_bench"
SHOWN, POOL, ACTS_PER_LIST, ACTIVE_DAYS = 10, 50, 4, 10
CHUNK = 2_000
DAY = 86_400_000_000


# --- recording beside learning


def recording(bench: Bench) -> list[Row]:
    """The POST of `post`, on retrievers that learn from it and on others."""
    kinds: dict[str, dict[str, Any] | None] = {
        "nothing learns": None,
        "personal level on": {},
        "global only": {"context_features": []},
    }
    rounds = {
        name: partial(_recording_round, bench, *_learner(bench, config))
        for name, config in kinds.items()
    }
    summaries = bench.interleave(rounds)
    plain = summaries["nothing learns"]
    return [
        Row(
            what=f"single POST that teaches, {name}, sqlite",
            unit="requests/s",
            value=_rate(summaries[name]),
            against=_rate(plain),
            against_name="nothing learns",
            target=at_least_times(share),
            faults=[*summaries[name].faults(name), *plain.faults("nothing learns")],
            foreign_share=max(summaries[name].foreign_share, plain.foreign_share),
            detail={name: summaries[name].as_json()},
        )
        for name, share in (("personal level on", 0.5), ("global only", 0.7))
    ]


def _rate(summary: Summary) -> float:
    return summary.median(lambda result: result.requests_per_second)


def _learner(bench: Bench, config: dict[str, Any] | None) -> tuple[SqliteDatabase, Path]:
    """A database whose live executions belong to retrievers that learn, or to others."""
    database = bench.new_sqlite()
    with bench.sqlite_server(database) as server:
        stages = [] if config is None else [_stage(config)]
        executions = bench.register(server, bench.live_executions, stages)
    name = database.folder.name
    return database, bench.write_executions(name, executions)


def _stage(config: dict[str, Any]) -> dict[str, Any]:
    searches = [
        {"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in ("text://title", "text://body")
    ]
    parameters = {"fusion": "learned", "searches": searches, "learning_config": config}
    return {
        "stage_name": "find",
        "config": {"stage_id": "feature_search", "parameters": parameters},
    }


def _recording_round(bench: Bench, database: SqliteDatabase, executions: Path) -> Run:
    with bench.copied(database, bench.sqlite_server) as server:
        return bench.warm_and_measure(server, bench.posts(server, executions))


# --- in this process


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    with pinned_to(SERVER_CORE):
        engine = open_engine(load_settings({"database": url}, {}), migrate=True)
        with closing(engine):
            yield engine


def _urls(bench: Bench, name: str) -> dict[str, str]:
    urls = {"sqlite": bench.new_sqlite().url}
    if bench.postgres is not None:
        urls["postgresql"] = bench.postgres.create(name)
    return urls


def rebuild(bench: Bench) -> list[Row]:
    """Learn again from the log: four interactions a list, ten lists a person, over thirty days."""
    rows = []
    n_acts = bench.sizes.lists_rebuilt * ACTS_PER_LIST
    for name, url in _urls(bench, "rebuild").items():
        with _engine(url) as engine:
            _fill_log(engine, bench.sizes.lists_rebuilt)
            began = time.monotonic()
            begin_rebuild(engine.storage, 1, RETRIEVER)
            while rebuild_some(engine.storage, 1, RETRIEVER, 0).is_running:
                pass
            seconds = time.monotonic() - began
        rows.append(
            Row(
                what=f"rebuild from {n_acts:,} interactions, {name}, for a million",
                unit="s",
                value=seconds * 1_000_000 / n_acts,
                target=at_most(60),
            )
        )
    return rows


def _fill_log(engine: Engine, n_lists: int) -> None:
    rng = random.Random(1)
    noise = np.random.default_rng(1)
    with engine.storage.write() as session:
        session.learned.add_features(1, RETRIEVER, FEATURES)
        now = session.now()
    for start in range(0, n_lists, CHUNK):
        lists = [
            _a_list(engine, rng, noise, now, n_lists) for _ in range(min(CHUNK, n_lists - start))
        ]
        acts = [
            _an_act(engine, one, place, now)
            for one in lists
            for place in rng.sample(range(SHOWN), ACTS_PER_LIST)
        ]
        with engine.storage.write() as session:
            session.executions.claim([(1, one.execution_id, b"", one.id) for one in lists])
            session.executions.append(lists)
            session.interactions.append(acts)


def _a_list(
    engine: Engine, rng: random.Random, noise: np.random.Generator, now: int, n_lists: int
) -> Execution:
    pool = [f"product-{number}" for number in rng.sample(range(100_000), POOL)]
    user = f"user-{rng.randrange(max(n_lists // 10, 1))}"
    identity = f"user:{user}"
    id = engine.make_id.next(now)
    ranking = Ranking(
        version=1,
        stages_hash="0" * 16,
        fusion="learned",
        features=FEATURES,
        ordinals=tuple(range(len(FEATURES))),
        weights=(0.25,) * len(FEATURES),
        minima=(0.0,) * len(FEATURES),
        maxima=(1.0,) * len(FEATURES),
        pool=tuple(pool),
        levels=noise.integers(0, 65_536, (POOL, len(FEATURES))).astype("<u2").tobytes(),
        algorithm=LINEAR,
        contexts=Contexts(personal=identity_context(identity, "global"), identity=identity),
    )
    return Execution(
        id=id,
        namespace=1,
        execution_id=format_id("exec", id),
        retriever_id=RETRIEVER,
        documents=tuple(ShownDocument(document_id=name, score=0.5) for name in pool[:SHOWN]),
        user_id=user,
        occurred_at=now - rng.randrange(30) * DAY,
        live=False,
        ranking=ranking,
    )


def _an_act(engine: Engine, one: Execution, place: int, now: int) -> Interaction:
    return Interaction(
        id=engine.make_id.next(now),
        namespace=1,
        feature_id=one.documents[place].document_id,
        types=("click",),
        position=place,
        metadata_json=None,
        user_id=one.user_id,
        session_id=None,
        execution_id=one.execution_id,
        retriever_id=RETRIEVER,
        query_json=None,
        document_score=None,
        result_set_size=None,
        feature_uri=None,
        event_id=None,
        occurred_at=one.occurred_at,
        live=False,
        reward=1.0,
        warning=None,
    )


def state(bench: Bench) -> list[Row]:
    """What is kept of people with ten active days and four features, and how soon it is read."""
    n_people = bench.sizes.people_kept
    rows = []
    for name, url in _urls(bench, "state").items():
        with _engine(url) as engine:
            before = engine.storage.health().size_bytes or 0
            _fill_people(engine.storage, n_people)
            size = (engine.storage.health().size_bytes or 0) - before
            times = _read_people(engine, n_people)
        rows += [
            Row(
                what=f"state of {n_people:,} people, {ACTIVE_DAYS} days, {name}, for a million",
                unit="GB",
                value=size * 1_000_000 / n_people / 1e9,
                target=at_most(12) if name == "postgresql" else None,
            ),
            Row(
                what=f"a person's weights, {name}, p99",
                unit="ms",
                value=_quantile(times, 0.99) * 1e3,
                target=at_most(5) if name == "postgresql" else None,
            ),
        ]
    return rows


def _fill_people(storage: Storage, n_people: int) -> None:
    """Days of two lists each, as the fold adds them up."""
    noise, policy = np.random.default_rng(1), LinearThompson()
    rewards = np.zeros(SHOWN, np.int64)
    rewards[1] = REWARD_UNIT
    with storage.read() as session:
        today = day_of(session.now())
    with storage.write() as session:
        session.learned.add_features(1, RETRIEVER, FEATURES)
    for start in range(0, n_people, CHUNK // ACTIVE_DAYS):
        changes = []
        for person in range(start, min(start + CHUNK // ACTIVE_DAYS, n_people)):
            identity = f"user:user-{person}"
            contexts = Contexts(personal=identity_context(identity, "global"), identity=identity)
            for day in range(ACTIVE_DAYS):
                levels = noise.integers(0, 65_536, (2, SHOWN, len(FEATURES))).astype(np.uint16)
                sums = sum(
                    policy.list_sums(ListOutcome(levels=one, rewards=rewards)) for one in levels
                )
                changes.append(
                    Change(
                        namespace=1,
                        retriever_id=RETRIEVER,
                        algorithm=LINEAR,
                        contexts=contexts,
                        day=today - day,
                        generations=(0,),
                        before=nothing(),
                        after=np.asarray(sums),
                    )
                )
        with storage.write() as session:
            add_up(session, changes, 0, today)


def _read_people(engine: Engine, n_people: int) -> list[float]:
    rng = random.Random(2)
    return _timed(
        engine,
        2_000,
        lambda session, now: engine.fuser.choose(
            session, _plan(), Asker(user_id=f"user-{rng.randrange(n_people)}"), now
        ),
    )


def _plan() -> FusionPlan:
    return FusionPlan(
        namespace=1,
        retriever_id=RETRIEVER,
        version=1,
        stages_hash="0" * 16,
        features=FEATURES,
        weights=(1.0,) * len(FEATURES),
        fusion="learned",
        learning=LearningConfig(),
    )


def _timed(engine: Engine, n: int, ask: Callable[[Any, int], object]) -> list[float]:
    times = []
    for _ in range(n):
        began = time.perf_counter()
        with engine.storage.read() as session:
            ask(session, session.now())
        times.append(time.perf_counter() - began)
    return times[n // 10 :]


def resolve(bench: Bench) -> list[Row]:
    """Resolve the weights of a known person and fuse four lists of a hundred."""
    rng = random.Random(3)
    names = [f"product-{number}" for number in range(400)]
    lists = [
        {
            uri: FoundList(
                document_ids=rng.sample(names, 100),
                scores=sorted((rng.random() for _ in range(100)), reverse=True),
            )
            for uri in FEATURES
        }
        for _ in range(50)
    ]
    rows = []
    for name, url in _urls(bench, "resolve").items():
        with _engine(url) as engine:
            _fill_people(engine.storage, 500)
            times = _timed(
                engine,
                4_000,
                lambda session, now, engine=engine: engine.fuser.fuse(  # type: ignore[misc]
                    session,
                    _plan(),
                    rng.choice(lists),
                    Asker(user_id=f"user-{rng.randrange(500)}"),
                    now,
                    SHOWN,
                ),
            )
        for share, most in ((0.5, 200), (0.99, 600)):
            rows.append(
                Row(
                    what=f"resolve weights and fuse 4 x 100, {name}, p{share * 100:.0f}",
                    unit="µs",
                    value=_quantile(times, share) * 1e6,
                    target=at_most(most) if name == "sqlite" else None,
                )
            )
    return rows


def _quantile(times: Sequence[float], share: float) -> float:
    return sorted(times)[int(share * len(times))]
