"""The demo's report as README shows it: `make demo pictures`.

python demoreport.py DATA PICTURE
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from browsing import chromium_path
from playwright.sync_api import sync_playwright


def main(data: Path, picture: Path) -> None:
    made = sorted(data.resolve().glob("reports/other/*/report.html"))
    if not made:
        raise SystemExit(f"There is no report in {data}: run `make demo` first.")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=root)
        page = browser.new_page(viewport={"width": 1100, "height": 1500})
        page.goto(made[-1].as_uri())
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
