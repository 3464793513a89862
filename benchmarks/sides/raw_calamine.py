"""A workbook read by calamine alone, into Python's lists.

python -m benchmarks.sides.raw_calamine FILE
"""

from __future__ import annotations

import json
import sys

from python_calamine import CalamineWorkbook


def main() -> None:
    """Prints how many rows there are below the header."""
    rows = CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).to_python()
    print(json.dumps({"rows": len(rows) - 1}))


if __name__ == "__main__":
    main()
