"""Query adapters on real products: from a recorded log to the measure, and over many seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from desirepath.cli import main
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.methods.adapters.gain import held_out_gain
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.esci_clicks import clicks_in, lsa_vectors, searches_in, turned
from tests.turned_shop import record

Find = Callable[[str], Path]
Say = Callable[[str], None]

pytestmark = pytest.mark.needs_data


@pytest.mark.parametrize(("angle", "is_fit"), [(0.9, True), (0.0, False)])
def test_products_and_queries_of_people(
    shared_data: Find, tmp_path: Path, figure: Say, angle: float, is_fit: bool
) -> None:
    """A simulation of 147 queries, searched 40 times each, seed 1; nothing is known but the log."""
    rng = np.random.default_rng(1)
    products = lsa_vectors(shared_data("esci_small"))
    searched = turned(products, angle, rng)
    url = f"sqlite:///{tmp_path}/products.db"
    clock = TestingClock()
    storage = ClockedStorage(open_storage(url, clock), clock)
    with closing(Engine(storage, clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        searches = searches_in(products, searched, rng)
        record(
            engine,
            tmp_path,
            products.names,
            searched,
            products.titles,
            products.documents,
            searches,
        )
    asked = ("--index", "image", "--retriever", "shop", "--dry-run", "--json", "--database", url)
    result = CliRunner().invoke(main, ("train", "adapter", "turn", *asked))
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    gain = report["gain"]
    figure(
        f"turned by {angle} rad: NDCG@10 {report['before']:.4f}, with the adapter "
        f"{report['after']:.4f}, n {gain['of']}, difference {gain['mean']:+.4f} "
        f"[{gain['low']:+.4f}, {gain['high']:+.4f}], {report['shape']}, ridge {report['ridge']:g}"
    )
    assert report["n_documents"] == np.any(products.documents, axis=1).sum()
    assert (gain["low"] > 0) is is_fit


@pytest.mark.torture
def test_over_many_simulations(shared_data: Find, figure: Say) -> None:
    """Seeds 301 to 324, the chances of looking known.

    Where nothing is wrong chance ships one in forty: three of 24 would be a fault.
    """
    products = lsa_vectors(shared_data("esci_small"))
    shipped = {0.9: 0, 0.0: 0}
    for seed in range(301, 325):
        for angle in shipped:
            rng = np.random.default_rng(seed)
            searched = turned(products, angle, rng)
            clicked = clicks_in(products, searched, searches_in(products, searched, rng))
            gain = held_out_gain(clicked, np.arange(len(products.queries)), rng)
            shipped[angle] += gain.gain.is_above_zero
    figure(f"shipped of 24 simulations, by angle: {shipped}")
    assert shipped[0.9] >= 20
    assert shipped[0.0] <= 2
