"""A page with a chart, in a real browser that may ask for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from desirepath.dashboard.figures.palette import DARK, LIGHT
from desirepath.dashboard.figures.writing import write_figure
from desirepath.engine.analysing.propensities import (
    BiasEstimate,
    GroupBias,
    PositionBias,
    RankPropensity,
)
from tests.browser.chromium import chromium, dress

pytestmark = pytest.mark.needs_chromium

BIAS = PositionBias(
    groups=(
        GroupBias(
            retriever_id="shop",
            group=None,
            impressions=12_000,
            clicks=900,
            rates=(),
            estimates=tuple(
                BiasEstimate(
                    estimator=name,
                    ranks=tuple(
                        RankPropensity(rank=k, propensity=1 / k, low=0.8 / k, high=1.2 / k)
                        for k in range(1, 11)
                    ),
                )
                for name in ("intervention_harvesting", "regression_em")
            ),
            agreement=(),
        ),
    ),
    differences=(),
    max_rank=10,
    n_flagged=0,
    flagged_share=0.0,
)
REQUESTS = "return performance.getEntriesByType('resource').map(entry => entry.name)"
OVERFLOW = "return document.documentElement.scrollWidth - window.innerWidth"
VISIBLE = """return [...document.querySelectorAll('figure')]
  .filter(figure => figure.offsetWidth > 0).map(figure => figure.className)"""
GROUND = "return getComputedStyle(document.querySelector('svg rect')).fill"


def _rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_a_page_loads_nothing_and_fits_light_and_dark(tmp_path: Path) -> None:
    page = tmp_path / "chart.html"
    write_figure(BIAS, html=page)
    with chromium() as driver:
        for width, shown in ((1440, "wide"), (390, "narrow")):
            for is_dark in (False, True):
                driver.get(page.as_uri())
                dress(driver, dark=is_dark, width=width)
                assert driver.execute_script(REQUESTS) == []
                assert driver.execute_script(VISIBLE) == [shown]
                assert driver.execute_script(OVERFLOW) <= 0
                ground = (DARK if is_dark else LIGHT).surface
                assert driver.execute_script(GROUND) == _rgb(ground)
        assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
