"""Simulated traffic, honest and not: rows as the files of a log hold them. A simulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from desirepath.analysis.impressions import impressions
from desirepath.analysis.log import log_of
from desirepath.domain.acts import TYPE_TO_BIT, types_of
from desirepath.domain.clock import format_time
from desirepath.domain.ids import format_id
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.engine import Engine
from desirepath.engine.recording import SentInteraction, Submission
from desirepath.testing.clock import START
from desirepath.testing.examples import sent_execution, sent_interaction
from desirepath.testing.shoppers import PositionBased, Shoppers
from tests.unit.analysis.logs import Rows, duckdb, write_log

__all__ = ["DAY", "SECOND", "Traffic", "opened", "record"]

SECOND = 1_000_000
DAY = 86_400 * SECOND
N_DOCUMENTS = 10
N_QUERIES = 20


class Traffic:
    """Searches of ten documents and clicks on them, by whoever comes."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.interactions: Rows = []
        self.executions: Rows = []
        self.returned: Rows = []

    def search(
        self, user_id: str, at: int, query: str | None = None, retriever_id: str = "ret_1"
    ) -> str:
        """A search with one of twenty queries, and its execution_id."""
        number = len(self.executions)
        query = query or f"q{number % N_QUERIES}"
        execution_id = f"e{number}"
        self.executions.append(
            {
                "id": number.to_bytes(16),
                "execution_id": execution_id,
                "recorded_at": at,
                "occurred_at": at,
                "live": True,
                "retriever_id": retriever_id,
                "user_id": user_id,
                "session_id": f"s{number}",
                "query": query,
                "offset": 0,
                "n_documents": N_DOCUMENTS,
            }
        )
        self.returned += [
            {
                "execution_id": execution_id,
                "position": place,
                "document_id": f"{query}_{place}",
            }
            for place in range(N_DOCUMENTS)
        ]
        return execution_id

    def click(self, execution_id: str, place: int, at: int, /, **changes: Any) -> None:
        """A click on a document of a search, by who searched."""
        search = self.executions[int(execution_id[1:])]
        self.interactions.append(
            {
                "id": (1_000_000 + len(self.interactions)).to_bytes(16),
                "recorded_at": at,
                "occurred_at": at,
                "live": True,
                "acts": TYPE_TO_BIT["click"],
                "document_id": f"{search['query']}_{place}",
                "position": place,
                "user_id": search["user_id"],
                "session_id": search["session_id"],
                "execution_id": execution_id,
                "retriever_id": search["retriever_id"],
                "reward": 1.0,
            }
            | changes
        )

    def impression(self, execution_id: str, place: int, at: int, /, **changes: Any) -> None:
        """That a document was shown."""
        self.click(execution_id, place, at, acts=TYPE_TO_BIT["impression"], reward=0.0, **changes)

    def people(
        self, n_visits: int, n_days: int = 2, n_users: int = 200, pace: float = 4.0
    ) -> Traffic:
        """The shipped simulation's shoppers over some days; the first makes a tenth of all visits.

        Parameters
        ----------
        pace
            Seconds that somebody looks at a document before the next, at least a quarter of it.
        """
        places = range(N_DOCUMENTS)
        grades = {
            query: {f"{query}_{place}": int(self.rng.integers(4)) for place in places}
            for query in (f"q{number}" for number in range(N_QUERIES))
        }
        seed = int(self.rng.integers(2**31))
        shoppers = Shoppers(grades, PositionBased(power=0.5), seed=seed, n_users=n_users)
        moments = np.sort(self.rng.integers(START, START + n_days * DAY, n_visits))
        for at, visit in zip(moments.tolist(), shoppers.visits(), strict=False):
            execution_id = self.search(visit.user_id, at, visit.query)
            now = float(at)
            for place in shoppers.clicks(visit, list(grades[visit.query])):
                now += (pace / 4 + self.rng.exponential(pace)) * SECOND
                self.click(execution_id, place, int(now))
        return self

    def tables(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """What the files of a log hold."""
        return {
            "interactions": self.interactions,
            "executions": self.executions,
            "returned": self.returned,
        }


def record(engine: Engine, traffic: Traffic) -> list[str]:
    """Store some traffic at the times it says, and give the ids of its interactions."""
    interactions = [_sent(row) for row in traffic.interactions]
    executions = [
        sent_execution(
            retriever_id=row["retriever_id"],
            execution_id=row["execution_id"],
            documents=[{"document_id": f"{row['query']}_{place}"} for place in range(N_DOCUMENTS)],
            inputs={"query": row["query"]},
            user_id=row["user_id"],
            session_id=row["session_id"],
            occurred_at=format_time(row["occurred_at"]),
        )
        for row in traffic.executions
    ]
    outcomes = engine.submit(
        Submission(namespace=1, interactions=interactions, executions=executions)
    )
    assert isinstance(outcomes, list)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    return [format_id("int", one.interaction.id) for one in outcomes if one.interaction]


def _sent(row: Mapping[str, Any]) -> SentInteraction:
    return sent_interaction(
        feature_id=row["document_id"],
        interaction_type=list(types_of(row["acts"])),
        position=row["position"],
        result_set_size=row.get("result_set_size"),
        user_id=row["user_id"],
        session_id=row["session_id"],
        execution_id=row["execution_id"],
        occurred_at=format_time(row["occurred_at"]),
    )


@contextmanager
def opened(folder: Path, traffic: Traffic) -> Iterator[OpenLog]:
    """A log of some traffic, open to questions."""
    write_log(folder, **traffic.tables())
    with closing(duckdb(folder)) as engine:
        interactions, executions, returned = (
            engine.read(folder / name) for name in ("interactions", "executions", "returned")
        )
        shown = impressions(interactions, executions, returned)
        yield OpenLog(log=log_of(interactions, executions, returned, shown), engine=engine)
