"""The pages: who gets in, what they may load, and how they look to a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.chromium import chromium, dress
from tests.browser.serving import KEY, fill, served


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    database = f"sqlite:///{tmp_path_factory.mktemp('pages') / 'log.db'}"
    fill(database)
    with served(database, "--local-link") as found:
        yield found


@pytest.fixture
def client(service: tuple[str, list[str]]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service[0], timeout=120) as client:
        yield client


def test_without_a_key_the_first_page_asks_for_one(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert 'name="key"' in page.text
    assert "doc_1" not in page.text


def test_a_wrong_key_does_not_get_in(client: httpx.Client) -> None:
    answer = client.post("/sign-in", data={"key": "dp_admin_wrong"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "dp_admin_wrong" not in answer.text


def test_a_key_gets_in_and_signing_out_ends_it(client: httpx.Client) -> None:
    answer = client.post("/sign-in", data={"key": KEY})
    assert answer.status_code == 303
    for word in ("HttpOnly", "SameSite=strict"):
        assert word in answer.headers["set-cookie"]
    page = client.get("/").text
    assert "wireless headphones" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    client.post("/sign-out")
    assert "wireless headphones" not in client.get("/").text


def test_a_forged_cookie_does_not_get_in(client: httpx.Client) -> None:
    client.post("/sign-in", data={"key": KEY})
    value = client.cookies["desirepath"]
    client.cookies.clear()
    forged = value[:-2] + ("AA" if value[-2:] != "AA" else "BB")
    page = client.get("/", headers={"Cookie": f"desirepath={forged}"})
    assert "wireless headphones" not in page.text


def test_the_printed_link_signs_in_once(service: tuple[str, list[str]]) -> None:
    address, printed = service
    (link,) = [line.strip() for line in printed if "/sign-in?token=" in line]
    with httpx.Client(base_url=address) as first:
        assert first.get(link).status_code == 303
        assert "wireless headphones" in first.get("/").text
    token = link.partition("token=")[2]
    with httpx.Client(base_url=address, cookies={"desirepath": token}) as forger:
        page = forger.get("/")
        assert page.status_code == 200
        assert "wireless headphones" not in page.text
    with httpx.Client(base_url=address) as second:
        assert "used before" in second.get(link).text
        assert "wireless headphones" not in second.get("/").text


def test_later_starts_print_lines_that_use_the_variable(service: tuple[str, list[str]]) -> None:
    lines = [line for line in service[1] if "curl" in line]
    assert len(lines) == 2
    assert all("$DESIREPATH_KEY" in line for line in lines)


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/static/desirepath.css"])
def test_pages_may_load_nothing_from_elsewhere(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers["content-type"].startswith("text/html"):
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


@pytest.mark.needs_chromium
def test_a_browser_shows_every_page_without_a_complaint(
    service: tuple[str, list[str]], tmp_path: Path
) -> None:
    address = service[0]
    with chromium() as driver:
        driver.get(address + "/")
        driver.find_element(By.NAME, "key").send_keys(KEY)
        driver.find_element(By.CSS_SELECTOR, "form button").click()
        WebDriverWait(driver, 10).until(
            lambda browser: "wireless headphones" in browser.page_source
        )
        for path in ("/", "/docs"):
            driver.get(address + path)
            for width in (1440, 390):
                for dark in (False, True):
                    dress(driver, dark=dark, width=width)
                    wide = driver.execute_script(
                        "return document.documentElement.scrollWidth - window.innerWidth"
                    )
                    assert wide <= 0, f"{path} is {wide} pixels too wide at {width}"
            picture = tmp_path / "page.png"
            assert driver.save_screenshot(str(picture))
            assert picture.stat().st_size > 10_000
        entries = driver.get_log("browser")  # type: ignore[no-untyped-call]
        complaints = [entry for entry in entries if entry["level"] == "SEVERE"]
        assert complaints == []
