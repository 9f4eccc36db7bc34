"""The home page and the page to sign in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desirepath.dashboard.pages import render_home, render_sign_in
from desirepath.engine.reporting import Positions
from desirepath.storage.base import Namespace
from tests.unit.dashboard.html_checks import Page
from tests.unit.dashboard.reports import (
    DEFAULT,
    NOON,
    SECOND,
    a_fault,
    a_report,
    an_empty_report,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe مرحبا \u2066",
    "&lt;b&gt;",
    "\x1b[31m\x07",
    "x" * 4000,
)


def home(text: str = "red shoes") -> Page:
    return Page(render_home(a_report(text), [DEFAULT], DEFAULT))


def test_home_shows_the_figures() -> None:
    text = home().text
    for part in ("1,200", "4,800", "4.0 a search", "8.0%", "of documents shown", "1.0%"):
        assert part in text
    assert "1 Jan – 31 Jan 2026" in text
    assert "31 Jan 12:00:00" in text


def test_home_shows_rates_with_their_intervals() -> None:
    text = home().text
    assert "12.0% 9.4 – 15.1% 60 of 500" in text
    assert "0.0% 0.0 – 0.8% 0 of 500" in text


def test_home_says_what_to_mend_and_what_is_fine() -> None:
    text = home().text
    assert "No execution 5.0% 5 of 100 events: red shoes Send it." in text
    assert "1 check passed Never seen: none" in text


def test_home_shows_warnings() -> None:
    assert "A warning about red shoes." in home().text


def test_home_names_an_empty_query() -> None:
    assert "(empty)" in home().text


@pytest.mark.parametrize("text", HOSTILE)
def test_home_shows_what_was_sent_as_text(text: str) -> None:
    page = home(text)
    assert page.tags == home().tags
    assert sum(text in part for part in page.texts) >= 6


def test_home_escapes_what_a_namespace_is_called() -> None:
    name = "<script>"
    hostile = Namespace(number=1, namespace_id='"><script>', name=name, created_at=0)
    for report in (a_report(), an_empty_report()):
        assert name in Page(render_home(report, [hostile, SECOND], hostile)).texts


def test_home_offers_other_namespaces_only_where_there_are_some() -> None:
    assert "/?namespace=ns_2" not in home().links
    page = Page(render_home(a_report(), [DEFAULT, SECOND], SECOND))
    assert {"/?namespace=ns_1", "/?namespace=ns_2"} <= set(page.links)


def test_home_of_nothing_says_what_to_do_next() -> None:
    html = render_home(an_empty_report(), [DEFAULT], DEFAULT, address="https://search.example")
    text = Page(html).text
    assert "curl -s https://search.example/v1/retrievers/interactions \\" in text
    assert "https://search.example/v1/retrievers/interactions/INTERACTION_ID" in text
    assert "X-Namespace" not in text


def test_home_of_nothing_names_another_namespace_in_its_commands() -> None:
    text = Page(render_home(an_empty_report(), [DEFAULT, SECOND], SECOND)).text
    assert text.count('-H "X-Namespace: ns_2"') == 2


def test_home_of_executions_alone() -> None:
    report = a_report(executions=3, interactions=0, hours=(), types=(), recent=())
    assert "No interactions yet" in Page(render_home(report, [DEFAULT], DEFAULT)).text


def test_home_of_interactions_alone() -> None:
    report = a_report(
        executions=0,
        click_through=None,
        zero_results=None,
        positions=Positions(basis="none", since=None, rates=()),
        queries=(),
        zero_result_queries=(),
        skipped_documents=(),
    )
    text = Page(render_home(report, [DEFAULT], DEFAULT)).text
    assert "no executions yet" in text
    assert "Record executions, or impressions that name one" in text


@pytest.mark.parametrize(
    ("basis", "note"),
    [
        ("shown", "when the first impression arrived"),
        ("returned", "Send impressions, and the rate becomes a share of what people saw"),
    ],
)
def test_home_says_what_rates_are_a_share_of(basis: str, note: str) -> None:
    positions = Positions(
        basis=basis,  # type: ignore[arg-type]
        since=NOON - timedelta(days=2) if basis == "shown" else None,
        rates=a_report().positions.rates,
    )
    text = Page(render_home(a_report(positions=positions), [DEFAULT], DEFAULT)).text
    assert note in text
    assert f"of documents {basis}" in text


def test_home_without_faults_lists_the_checks() -> None:
    report = a_report(faults=(a_fault(count=0, share=0.0),))
    html = render_home(report, [DEFAULT], DEFAULT)
    assert '<details class="passed" open>' in html
    assert "No execution: none" in Page(html).text


def test_sign_in_asks_for_a_key() -> None:
    html = render_sign_in("")
    page = Page(html)
    assert 'type="password"' in html
    assert 'role="alert"' not in html
    assert "/sign-in" in page.links


def test_sign_in_says_what_went_wrong() -> None:
    assert "<b>No</b>" in Page(render_sign_in("<b>No</b>")).texts


def test_pages_ask_for_the_style_sheet_they_were_made_with() -> None:
    sheets = [link for link in Page(render_sign_in("")).links if "/static/" in link]
    assert len(sheets) == 1
    assert sheets[0].startswith("/static/desirepath.css?v=")
