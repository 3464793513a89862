"""Results that are kept (benchmarks/results/*.json), and the page that is made from them.

`make bench` measures, keeps, and writes the table and the chart of docs/benchmarks.md anew.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import PROJECT, Side
from benchmarks.table import MIB

RESULTS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "benchmarks.md"
CHART = PROJECT / "docs" / "pictures" / "benchmarks.svg"
PACKAGES = ("duckdb", "pyarrow", "pandas", "polars", "dlt")
_GENERATED = re.compile(r"(<!-- made from benchmarks/results -->\n).*?(<!-- end -->)", re.S)
OURS = "ours"


def keep(name: str, title: str, sides: Sequence[Side], reference: Side, files_mib: float) -> Path:
    """Write what was measured, with the machine it was measured on."""
    told = {
        "name": name,
        "title": title,
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "files_mib": round(files_mib),
        "reference": reference.name,
        "machine": machine(),
        "sides": [
            {
                "name": side.name,
                "runs": [
                    {
                        "wall_seconds": round(run.wall_seconds, 2),
                        "cpu_seconds": round(run.cpu_seconds, 2),
                        "peak_mib": round(run.peak_bytes / MIB),
                    }
                    for run in side.runs
                ],
            }
            for side in sides
        ],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Processor, memory, disk, system, versions; and what else it had to do."""
    models = [
        line.partition(":")[2].strip()
        for line in _read("/proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_gib),
        "disk": f"{_file_system()}, {shutil.disk_usage(PROJECT).total / 1024**3:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load_average": round(os.getloadavg()[1], 1),
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _file_system() -> str:
    """The kind of file system that the project is on; `unknown` where Linux doesn't tell it."""
    mounts = [line.split()[:3] for line in _read("/proc/mounts").splitlines()]
    above = [(where, kind) for _, where, kind in mounts if PROJECT.is_relative_to(where)]
    return max(above, key=lambda found: len(found[0]))[1] if above else "unknown"


def kept() -> list[dict[str, Any]]:
    """All kept results, the smallest first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("*.json")]
    return sorted(found, key=lambda result: int(result["files_mib"]))


def with_results(page: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The page with the part that is made from results as they say."""
    made = "\n".join(_section(result) for result in results)
    return _GENERATED.sub(lambda found: f"{found[1]}\n{made}\n{found[2]}", page)


def write_page() -> None:
    """The table and the chart anew."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_results(page, kept()), encoding="utf-8")
    CHART.write_text(chart(kept()), encoding="utf-8")


def _section(result: Mapping[str, Any]) -> str:
    host = result["machine"]
    versions = ", ".join(f"{name} {text}" for name, text in host["versions"].items())
    lines = [
        f"**{result['title']}**, {result['files_mib']} MiB; medians of "
        f"{len(result['sides'][0]['runs'])} rounds in turns, with their ranges.",
        "",
        f"| | CPU ÷ {result['reference']} | wall ÷ {result['reference']} | CPU s | wall s "
        "| peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    reference = _side(result, result["reference"])
    for side in result["sides"]:
        cpu, wall = (_ratios(side, reference, f"{what}_seconds") for what in ("cpu", "wall"))
        lines.append(
            f"| {side['name']} | {_spread(cpu)} | {_spread(wall)} | "
            f"{_median(side, 'cpu_seconds'):.2f} | {_median(side, 'wall_seconds'):.2f} | "
            f"{_median(side, 'peak_mib'):.0f} |"
        )
    lines += [
        "",
        f"{result['measured_at']}: {host['processor']}, {host['cores']} cores, "
        f"{host['memory_gib']} GiB, {host['disk']}, {host['system']}, load average "
        f"{host['load_average']:g}; {versions}.",
        "",
    ]
    return "\n".join(lines)


def chart(results: Sequence[Mapping[str, Any]]) -> str:
    """CPU of each side as a multiple of the reference's, as SVG."""
    records: list[dict[str, Any]] = [
        {
            "what": result["title"],
            "side": side["name"],
            "ratio": round(
                median(_ratios(side, _side(result, result["reference"]), "cpu_seconds")), 2
            ),
            "ours": side["name"] == OURS,
        }
        for result in results
        for side in result["sides"]
    ]
    # Here, so that a process that measures stays small: its pages count in its children's peaks.
    import altair as alt  # noqa: PLC0415
    import vl_convert  # noqa: PLC0415

    order = list(dict.fromkeys(r["side"] for r in sorted(records, key=lambda r: r["ratio"])))
    base = alt.Chart(alt.InlineData(values=records)).encode(
        y=alt.Y("side:N", sort=order, title=None),
        x=alt.X("ratio:Q", title="CPU, as a multiple of plain DuckDB's"),
    )
    colours = alt.Scale(domain=[True, False], range=["#1f77b4", "#b8c4ce"])
    bars = base.mark_bar().encode(color=alt.Color("ours:N", scale=colours, legend=None))
    words = base.mark_text(align="left", dx=4).encode(text=alt.Text("ratio:Q", format=".2f"))
    both = alt.layer(bars, words).properties(width=420, height=alt.Step(22))
    drawn = both.facet(row=alt.Row("what:N", title=None, header=alt.Header(orient="top")))
    return str(vl_convert.vegalite_to_svg(drawn.to_dict()))


def _side(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(side for side in result["sides"] if side["name"] == name)


def _ratios(side: Mapping[str, Any], reference: Mapping[str, Any], key: str) -> list[float]:
    return [
        mine[key] / theirs[key]
        for mine, theirs in zip(side["runs"], reference["runs"], strict=True)
    ]


def _median(side: Mapping[str, Any], key: str) -> float:
    return float(median(run[key] for run in side["runs"]))


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
