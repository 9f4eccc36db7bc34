"""Models are loaded once, and those that were asked last are kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from desirepath.domain.artifact import Artifact
from desirepath.engine.kept_models import KeptModels


def version(number: int) -> Artifact:
    return Artifact(
        namespace=1,
        id=bytes([number]) * 16,
        artifact_id=f"mod_{number}",
        kind="ranker",
        name="ours",
        manifest={},
        created_at=0,
    )


def test_those_asked_last_are_kept() -> None:
    loads: list[str] = []
    kept = KeptModels(lambda one: loads.append(one.artifact_id) or one.artifact_id, 2)  # type: ignore[func-returns-value]
    for number in (1, 2, 1, 3, 1, 2):
        assert kept.get(version(number)) == f"mod_{number}"
    assert loads == ["mod_1", "mod_2", "mod_3", "mod_2"]
    assert set(kept.asked_within(60.0)) == {"mod_1", "mod_2"}
    assert list(kept.asked_within(-1.0)) == []


def test_one_that_is_loaded_holds_up_no_other() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def load(one: Artifact) -> str:
        if one.artifact_id == "mod_2":
            begun.set()
            assert go_on.wait(60)
        return one.artifact_id

    kept = KeptModels(load, 2)
    kept.get(version(1))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(kept.get, version(2)) for _ in range(2)]
        assert begun.wait(60)
        assert kept.get(version(1)) == "mod_1"
        go_on.set()
        assert [one.result(60) for one in slow] == ["mod_2", "mod_2"]


def test_one_that_cannot_be_loaded_is_tried_again() -> None:
    results: Iterator[OSError | str] = iter([OSError("gone"), "here"])

    def load(one: Artifact) -> str:
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    kept = KeptModels(load, 1)
    with pytest.raises(OSError, match="gone"):
        kept.get(version(1))
    assert kept.get(version(1)) == "here"
