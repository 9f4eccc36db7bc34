"""A small shop whose people want what the live retriever puts last."""

from __future__ import annotations

from desirepath.api.in_process import Desirepath
from desirepath.engine.engine import Engine

__all__ = ["fill_shop"]

TITLES = {"shoe": ("red shoe", 1), "boot": ("red red boot", 2), "hat": ("red red red hat", 3)}


def fill_shop(engine: Engine, n: int = 12) -> None:
    """Retrievers ``live`` and ``mirror``, which turns its order round, and ``n`` sessions."""
    here = Desirepath(engine)
    here.documents.upsert(
        [
            {"document_id": id, "payload": {"title": title, "rank": rank}}
            for id, (title, rank) in TITLES.items()
        ]
    )
    search = {"feature_uri": "text://title", "query": "{{INPUT.query}}"}
    config = {"stage_id": "feature_search", "parameters": {"searches": [search]}}
    find = {"stage_name": "find", "config": config}
    here.retrievers.create("live", stages=[find])
    ids = _found(here)
    turn = {"stage_id": "sort_attribute", "parameters": {"field": "rank", "direction": "asc"}}
    here.documents.upsert(
        [
            {"document_id": id, "payload": {"title": TITLES[id][0], "rank": -place}}
            for place, id in enumerate(ids)
        ]
    )
    here.retrievers.create("mirror", stages=[find, {"stage_name": "turn", "config": turn}])
    for number in range(n):
        found = here.retrievers.execute("live", inputs={"query": "red"}, session_id=f"s{number}")
        here.interactions.create(
            feature_id=ids[-1],
            interaction_type=["click"],
            position=len(ids) - 1,
            execution_id=found["execution_id"],
        )


def _found(here: Desirepath) -> list[str]:
    answer = here.retrievers.execute("live", inputs={"query": "red"})
    return [document["document_id"] for document in answer["documents"]]
