"""The pictures of docs/dashboard.md: `make pictures`.

python pictures.py FOLDER
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from browsing import PHONE, chromium_path
from playwright.sync_api import sync_playwright
from serving import company, served

# name, address, width, height, dark, language
PICTURES = (
    ("dashboard-ru", "", 1200, 1000, False, "ru-RU"),
    ("dashboard-threads-en", "threads?kind=waiting", 1200, 560, False, "en-GB"),
    ("dashboard-en-phone-dark", "", PHONE, 760, True, "en-GB"),
)


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        process = company("show", data)
        assert process.wait(600) == 0, (data.parent / "show.log").read_text(encoding="utf-8")
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        with served(data) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=root)
            for name, address, width, height, dark, language in PICTURES:
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if dark else "light",
                    locale=language,
                )
                page.goto(url + address)
                page.screenshot(path=folder / f"{name}.png")
                page.close()
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
