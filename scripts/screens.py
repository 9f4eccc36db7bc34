"""Photograph every page at two widths, light and dark: ``python scripts/screens.py FOLDER``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from selenium.webdriver.common.by import By

from tests.browser.chromium import chromium, dress
from tests.browser.serving import KEY, fill, served

PAGES = {"home": "/", "docs": "/docs"}


def main(folder: Path) -> None:
    """Fill a database with a simulation, serve it, and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        database = f"sqlite:///{scratch}/log.db"
        fill(database, n_searches=400)
        with served(database) as (address, _), chromium() as driver:
            driver.get(address + "/")
            driver.save_screenshot(str(folder / "sign-in.png"))
            driver.find_element(By.NAME, "key").send_keys(KEY)
            driver.find_element(By.CSS_SELECTOR, "form button").click()
            for name, path in PAGES.items():
                driver.get(address + path)
                for width in (1440, 390):
                    for dark in (False, True):
                        dress(driver, dark=dark, width=width)
                        picture = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
                        driver.save_screenshot(str(picture))
                        print(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
