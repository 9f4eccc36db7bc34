"""Every chart of a small recorded log, and of logs that say little: drawn, labelled, whole."""

from __future__ import annotations

import math
import re
import struct
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import asdict, replace

from desirepath.dashboard.figures.canvas import Canvas
from desirepath.dashboard.figures.figure import Drawable, figure_of
from desirepath.dashboard.figures.palette import DARK, LIGHT, Palette
from desirepath.dashboard.figures.writing import to_html, to_png, to_svg, write_figure
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.comparing import Compared
from desirepath.engine.analysing.document_rates import document_rates
from desirepath.engine.analysing.event_checks import EventCheck, EventHealth
from desirepath.engine.analysing.event_health import event_health
from desirepath.engine.analysing.funnel import funnels
from desirepath.engine.analysing.journey import follow_session
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.position_bias import position_bias
from desirepath.engine.analysing.position_rates import position_rates
from desirepath.engine.analysing.propensities import (
    BiasEstimate,
    GroupBias,
    PositionBias,
    RankPropensity,
)
from desirepath.engine.analysing.query_rates import query_rates
from desirepath.engine.analysing.relevance import Debiased, Order
from desirepath.engine.analysing.session_answers import Journey
from desirepath.engine.engine import Engine
from desirepath.engine.training.ctr_report import CtrMeasured, CtrReport
from desirepath.engine.training.matrix import Grading
from desirepath.engine.training.ranker import Measured, RankerReport
from desirepath.methods.ranking.calibration import ReliabilityBin
from desirepath.methods.ranking.click_measures import ClickMeasures
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.methods.ranking.importance import Importance
from desirepath.methods.ranking.metrics import Gain
from tests.unit.analysis.people import WINDOW, People, asked

STEPS = ("impression", "click", "purchase")
BAD = "<script>alert(1)</script> & “more”\x1b[0m\x00\u202eabc\ufffe"
NOWHERE = Scope(retriever_id="ret_of_nobody")
SVG = "{http://www.w3.org/2000/svg}"


def _answers(part: Part) -> dict[str, Drawable]:
    """All but a journey."""
    log = Compared(part=part)
    return {
        "positions": position_rates(log),
        "queries": query_rates(log, Order(sort="searches")),
        "documents": document_rates(log, Order(sort="impressions")),
        "funnel": funnels(log, STEPS),
        "bias": position_bias(part),
        "events": event_health(part),
    }


def _estimated(*estimators: str) -> PositionBias:
    estimates = tuple(
        BiasEstimate(
            estimator=name,
            ranks=tuple(
                RankPropensity(rank=rank, propensity=1 / rank, low=0.8 / rank, high=1.2 / rank)
                for rank in range(1, 6)
            ),
            last_is_shared=True,
        )
        for name in estimators
    )
    group = GroupBias(
        retriever_id="shop",
        group=None,
        impressions=12_000,
        clicks=900,
        rates=(),
        estimates=estimates,
        agreement=("They agree.",),
    )
    return PositionBias(groups=(group,), differences=(), max_rank=5, n_flagged=2, flagged_share=0.1)


def _about(mean: float) -> MeanEstimate:
    return MeanEstimate(mean=mean, low=mean - 0.02, high=mean + 0.02, of=200)


TRAINED: dict[str, Any] = {
    "n_lists": 1_000,
    "n_impressions": 10_000,
    "n_train_lists": 800,
    "n_test_lists": 200,
    "test_from": "2026-01-01T00:00:00Z",
    "n_trees": 30,
    "seed": 7,
    "importances": (
        Importance(feature="ctr", gain_share=0.9, coverage=1.0, loss=_about(0.1)),
        Importance(feature=BAD, gain_share=0.1, coverage=0.5, loss=_about(0.001)),
        Importance(feature="rank", gain_share=0.0, coverage=1.0),
    ),
}


def _ranker(ahead: float) -> RankerReport:
    return RankerReport(
        **TRAINED,
        k=10,
        gain=Gain.LINEAR,
        grading=Grading.BINARY,
        is_position_debiased=True,
        measured=(
            Measured(order="the ranker", ndcg=_about(0.6)),
            Measured(order="item_ctr", ndcg=_about(0.6 - ahead), behind=_about(ahead)),
        ),
    )


def _click_model(**changes: Any) -> CtrReport:
    one = ReliabilityBin(predicted=0.2, clicked=22, of=100, rate=0.22, low=0.15, high=0.311)
    error = _about(0.034)
    measures = ClickMeasures(log_loss=error, brier=error, auc=error, calibration_error=error)
    values: dict[str, Any] = {
        "click_rate": 0.2,
        "n_test_impressions": 2_000,
        "test_click_rate": 0.2,
        "slope": 1.0,
        "shift": 0.0,
        "measured": (
            CtrMeasured(model="the model", measures=measures),
            CtrMeasured(model="not calibrated", measures=measures, behind=_about(0.0)),
        ),
        "reliability": (one, replace(one, predicted=0.4, rate=0.5, high=0.6)),
        "reliability_uncalibrated": (replace(one, predicted=0.1),),
    }
    return CtrReport(**(TRAINED | values | changes))


def _texts(answer: Drawable, canvas: Canvas | None = None) -> str:
    """All that is written in a chart, with what its marks tell."""
    root = ElementTree.fromstring(to_svg(figure_of(answer, canvas)))
    return "\n".join(
        element.text or ""
        for element in root.iter()
        if element.tag in (f"{SVG}text", f"{SVG}title", f"{SVG}tspan")
    )


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_what_a_log_says_is_drawn_with_its_labels(engine: Engine) -> None:
    people = People(engine)
    for number in range(6):
        search = people.search("s1", 10 * number, "hat" if number % 2 else "wool socks", 3)
        for place in range(3):
            people.act(search, 10 * number + 1, "impression", position=place)
        people.act(search, 10 * number + 2, "click", position=number % 2)
    people.act(search, 58, "purchase", position=1)
    people.search("s1", 70, "nothing like it", 0)
    with asked(engine) as part:
        answers = _answers(part) | {"journey": follow_session(part, "s1", WINDOW)}
    name_to_labels = {
        "positions": [
            "Click-through goes from 50% at position 0 to 0% at position 2",
            "18 documents shown, 6 of them clicked, in 7 searches",
            "position in the list (0 is the first)",
            "3 of 6 at position 1 clicked: 50.0%",
        ],
        "queries": ["wool socks", "nothing like it", "searches that", "1 query of 3 mostly finds"],
        "documents": ["d0", "d2", "mean position (0 is the first)", "6 impressions"],
        "funnel": ["purchase", "1 · 5.6%", "5.6% of documents go from impression to purchase"],
        "bias": ["How often each rank is looked at", "18 impressions, 6 clicks.", "needed"],
        "events": ["check of what is sent", "Unknown execution", "passed"],
        "journey": ["searched “wool socks”, found 3, saw 3", "bought #2", "Session s1."],
    }
    for name, answer in answers.items():
        for canvas in (Canvas(), Canvas(width=358, palette=DARK)):
            texts = _texts(answer, canvas)
            for word in (None, *name_to_labels[name]) if not canvas.is_narrow else (None,):
                assert word is None or word in texts, (name, word, texts)
            width, height = _size(to_png(figure_of(answer, canvas)))
            assert math.isclose(width, 2 * canvas.width, abs_tol=24), name
            assert height > 300
            assert "NaN" not in texts
            assert "undefined" not in texts


def test_a_log_that_says_nothing_is_told_in_a_sentence(engine: Engine) -> None:
    with asked(engine) as part:
        answers = _answers(part)
    name_to_sentence = {
        "positions": "No position has an impression.",
        "queries": "No query has so many searches.",
        "documents": "No such document.",
        "funnel": "Nobody took the first step.",
        "bias": "No impression counts",
        "events": "No events are recorded.",
    }
    for name, answer in answers.items():
        assert name_to_sentence[name] in _texts(answer)
        assert _size(to_png(figure_of(answer)))[0] > 600
    empty = Journey(session_id="s1", user_id=None, visits=(), left_out=0)
    assert "Nothing was done that can be told." in _texts(empty)


@pytest.mark.parametrize("does", [(), ("impression",), ("click",)])
def test_one_row_is_drawn(engine: Engine, does: tuple[str, ...]) -> None:
    people = People(engine)
    search = people.search("s1", 0, "hat", 1)
    if does:
        people.act(search, 1, *does)
    with asked(engine) as part:
        answers = _answers(part) | {"journey": follow_session(part, "s1", WINDOW)}
    for answer in answers.values():
        texts = _texts(answer)
        assert "NaN" not in texts
        assert "Infinity" not in texts


def test_estimators_stand_beside_each_other() -> None:
    names = ("intervention_harvesting", "regression_em", "clicks_over_expected_clicks")
    texts = _texts(_estimated(*names), Canvas(note="A simulation of 12,000 impressions, seed 7."))
    for word in (
        "Rank 5 is looked at 20% as often as rank 1",
        "A simulation of 12,000 impressions, seed 7.",
        "regression EM",
        "intervention harvesting, rank 2: 50%, 40% – 60%",
        "5+",
        "They agree.",
        "Without 2 identities that look like robots: 10% of the interactions.",
    ):
        assert word in texts


def test_what_is_debiased_and_what_was_before_are_drawn_beside(engine: Engine) -> None:
    people = People(engine)
    search = people.search("s1", 0, "hat", 2)
    people.act(search, 1, "click")
    with asked(engine) as part:
        rates = position_rates(Compared(part=part, earlier=part))
    assert "period before" in _texts(rates)
    free = Debiased(rate=0.5, low=0.25, high=1.0, propensity=0.5)
    rows = tuple(replace(row, debiased=free) for row in rates.results)
    texts = _texts(replace(rates, results=rows))
    assert "if all positions were looked at alike" in texts
    assert "debiased: 50.0%, 25.0% – 100.0%" in texts


def test_a_ranker_is_drawn_beside_orders_that_need_no_learning() -> None:
    for canvas in (Canvas(), Canvas(width=358, palette=DARK)):
        texts = _texts(_ranker(0.1), canvas)
        for word in ("the ranker", "document's CTR", "0.500", "ctr"):
            assert word in texts, word
        assert "Triangles" not in texts
        width = _size(to_png(figure_of(_ranker(0.1), canvas)))[0]
        assert math.isclose(width, 2 * canvas.width, abs_tol=24)
    texts = _texts(_ranker(0.1))
    assert "nDCG@10 is 0.600 by the ranker, and 0.500 at best without learning" in texts
    assert "+0.100 (+0.080 to +0.120)" in texts
    assert "without it, nDCG@10 falls by 0.1000 (0.0800 to 0.1200)" in texts
    assert "Triangles: the ranker is not clearly ahead of it." in _texts(_ranker(0.01))


def test_predicted_chances_are_drawn_against_clicks() -> None:
    for canvas in (Canvas(), Canvas(width=358, palette=DARK)):
        width = _size(to_png(figure_of(_click_model(), canvas)))[0]
        assert math.isclose(width, 2 * canvas.width, abs_tol=24)
    texts = _texts(_click_model())
    for word in (
        "Predicted chances of a click are off by 3.4 percentage points on",  # and the next line
        "predicted chance of a click",
        "share clicked",
        "calibrated: 20.0% predicted, 22.0% clicked (15.0% – 31.1%): 22 of 100 documents",
        "not calibrated: 10.0% predicted",
    ):
        assert word in texts, word
    before_both_were_kept = _texts(_click_model(reliability_uncalibrated=()))
    assert "not calibrated: " not in before_both_were_kept
    assert "calibrated: 20.0% predicted" in before_both_were_kept


def test_a_failed_check_says_what_to_mend() -> None:
    check = EventCheck(
        name="no_session",
        title="No session",
        status="failed",
        severity="high",
        count=40,
        of=80,
        of_what="events",
        share=0.5,
        fix="Send a session_id.",
    )
    health = EventHealth(
        interactions=80,
        executions=3,
        first_at=None,
        last_at=None,
        n_flagged=0,
        flagged_share=0.0,
        checks=(check,),
    )
    texts = _texts(health)
    for word in ("1 of 1 checks", "50% · 40 of 80", "To mend first: Send a session_id."):
        assert word in texts


def test_colors_are_those_of_the_pages() -> None:
    sheet = files("desirepath.dashboard").joinpath("static/desirepath.css").read_text()
    themes = re.findall(r":root \{(.*?)\n\s*\}", sheet, flags=re.DOTALL)
    for palette, theme in zip((LIGHT, DARK), themes, strict=True):
        colors = dict(re.findall(r"--([\w-]+): (#\w{6});", theme))
        assert asdict(palette) == {name: colors[name] for name in Palette.__struct_fields__}


def test_a_page_is_whole_and_turns_dark() -> None:
    page = to_html(_estimated("regression_em"))
    assert not re.findall(r'(?:src|href)="(?!data:,|#)|url\((?!#)', page)
    assert "@import" not in page
    assert "<script" not in page
    assert set(re.findall(r"https?://[^\"' ]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    for name, color in asdict(LIGHT).items():
        assert f"--{name}: {color};" in page
        assert f'"{color}"' not in page  # what is drawn follows the page
    assert "<title>Rank 5 is looked at 20% as often as rank 1</title>" in page


def test_files_that_are_named_are_written(tmp_path: Path) -> None:
    names: dict[str, Any] = {name: tmp_path / f"chart.{name}" for name in ("png", "svg", "html")}
    written = write_figure(_estimated("regression_em"), **names, canvas=Canvas(palette=DARK))
    assert list(written) == list(names.values())
    assert _size(names["png"].read_bytes())[0] > 600
    assert DARK.surface in names["svg"].read_text()
    assert names["html"].read_text().startswith("<!doctype html>")
    assert write_figure(_estimated("regression_em"), svg=names["svg"]) == (names["svg"],)
    assert LIGHT.surface in names["svg"].read_text()


def test_what_was_sent_cannot_break_a_page_or_the_process(engine: Engine) -> None:
    people = People(engine)
    people.search("s1", 0, "hat", 1)
    with asked(engine) as part:
        found = query_rates(Compared(part=part), Order(sort="searches"))
        journey = follow_session(part, "s1", WINDOW)
    rows = tuple(replace(row, query=BAD, group=BAD) for row in found.results)
    visit = journey.visits[0]
    told = replace(visit, steps=(replace(visit.steps[0], text=BAD),))
    for answer in (
        replace(found, results=rows),
        replace(journey, session_id=BAD, visits=(told,)),
        replace(_estimated("regression_em"), differences=(BAD,)),
        _ranker(0.1),
    ):
        page = to_html(answer)
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert not {"\x1b", "\x00", "\u202e", "\ufffe"} & set(page)
        assert to_png(figure_of(answer))
