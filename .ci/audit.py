"""What an audit of the locks found: known vulnerabilities fail, what couldn't be looked up is loud.

    pip-audit … --format json | python .ci/audit.py

pip-audit ends with 0 where its advisory data can't be reached: that must never look like "none".
"""

from __future__ import annotations

import json
import sys
from typing import Any


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """Exit code and what to print."""
    found = report.get("dependencies", [])
    skipped = [entry["name"] for entry in found if "skip_reason" in entry]
    broken = [entry for entry in found if entry.get("vulns")]
    lines = [
        f"VULNERABLE: {entry['name']} {entry['version']}: "
        + ", ".join(
            f"{vuln['id']} (mended in {', '.join(vuln['fix_versions']) or 'no version yet'})"
            for vuln in entry["vulns"]
        )
        for entry in broken
    ]
    audited = len(found) - len(skipped)
    if not audited:
        lines.append(
            "NOT AUDITED: the advisory data can't be reached from here, so nothing is known of "
            f"the {len(skipped)} locked packages. Run `make audit` where it can be."
        )
    elif skipped:
        lines.append(f"NOT AUDITED: {', '.join(skipped)}")
    if audited:
        lines.append(f"{audited} locked packages audited, {len(broken)} vulnerable.")
    return (1 if broken else 0), lines


def main() -> int:
    """Read pip-audit's JSON from standard input."""
    text = sys.stdin.read()
    code, lines = verdict(json.loads(text) if text.strip() else {})
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
