"""`python -m awkward FOLDER`: write every file; `python -m awkward --page FILE`: write the page."""

from __future__ import annotations

import sys
from pathlib import Path

from awkward import CASES
from awkward.page import reading_files_page


def main(arguments: list[str]) -> int:
    """The command line."""
    if len(arguments) == 2 and arguments[0] == "--page":
        Path(arguments[1]).write_text(reading_files_page())
    elif len(arguments) == 1:
        folder = Path(arguments[0])
        folder.mkdir(parents=True, exist_ok=True)
        for case in CASES:
            (folder / case.name).write_bytes(case.build())
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
