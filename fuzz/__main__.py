"""`python -m fuzz`: ten thousand damaged files, judged; any silent one ends with exit code 1."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fuzz.agreement import disagreement
from fuzz.damage import Damage, apply, without_record
from fuzz.judge import Reading, Verdict, judge, read
from fuzz.mishaps import some_damages
from fuzz.shapes import GoodFile, good_file

_CHUNK_FILES = 100
_LEAST_BLOCK_BYTES = 16
# A file must still show what its records have in common.
_FEWEST_RECORDS = 4


@dataclass
class Tally:
    """What came of some files."""

    files: int = 0
    refused: int = 0
    intact: int = 0
    delivered: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    silent: dict[int, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take another's counts in."""
        self.files += other.files
        self.refused += other.refused
        self.intact += other.intact
        self.delivered += other.delivered
        self.lost.update(other.lost)
        self.silent.update(other.silent)


def drawn(seed: int, number: int) -> tuple[GoodFile, list[Damage]]:
    """The file of that number under that seed; one of twenty is undamaged."""
    random = Random(f"{seed}:{number}")
    good = good_file(random)
    return good, some_damages(random, good) if random.random() < 0.95 else []


def judged(good: GoodFile, damages: list[Damage], path: Path) -> tuple[Verdict, Reading]:
    """Write, read, judge; a file that can be read is read in small blocks and by record too."""
    content = apply(good, damages)
    path.write_bytes(content)
    whole = not any(damage.cuts for damage in damages)
    reading = read(path, whole=whole)
    verdict = judge(good, damages, reading)
    if reading.refusal is None and verdict.silent is None:
        sizes = range(_LEAST_BLOCK_BYTES, len(content) + _LEAST_BLOCK_BYTES)
        block_bytes = Random(len(content)).choice(sizes)
        verdict = replace(verdict, silent=disagreement(path, block_bytes, whole=whole))
    return verdict, reading


def run_chunk(seed: int, numbers: range) -> Tally:
    """Judge some files, in a process of its own."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "export"
        for number in numbers:
            good, damages = drawn(seed, number)
            verdict, _ = judged(good, damages, path)
            tally.files += 1
            tally.refused += verdict.refused
            tally.intact += verdict.intact
            tally.delivered += verdict.delivered
            if verdict.intact > verdict.delivered:
                names = "+".join(sorted({damage.name for damage in damages})) or "none"
                names += " (refused)" if verdict.refused else ""
                tally.lost[names] += verdict.intact - verdict.delivered
            if verdict.silent is not None:
                tally.silent[number] = verdict.silent
    return tally


def smallest(good: GoodFile, damages: list[Damage], path: Path) -> tuple[GoodFile, list[Damage]]:
    """Fewer records, still silent: for a person to read."""
    number = len(good.records) - 1
    while number > 0 and len(good.records) > _FEWEST_RECORDS:
        if not any(number in damage.touched for damage in damages):
            candidate = without_record(good, damages, number)
            if judged(*candidate, path)[0].silent is not None:
                good, damages = candidate
        number -= 1
    return good, damages


def show(console: Console, seed: int, number: int) -> bool:
    """Explain one file; True where it is silent."""
    good, damages = drawn(seed, number)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "export"
        if judged(good, damages, path)[0].silent is not None:
            good, damages = smallest(good, damages, path)
        verdict, reading = judged(good, damages, path)
    lines = [
        f"file {number} of seed {seed}: {good.description}",
        *(f"damage: {damage.name} {damage.edits}" for damage in damages),
        f"content: {apply(good, damages)!r}",
        f"columns: {reading.columns}, header in line {reading.header_line}",
        *(f"row: {row}" for row in reading.rows),
        *(f"reject: line {r.line}, {r.reason}: {r.raw!r}" for r in reading.rejects),
        f"refused: {reading.refusal}" if reading.refusal else f"silent: {verdict.silent}",
        f"delivered {verdict.delivered} of {verdict.intact} intact rows",
    ]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    return verdict.silent is not None


def fuzz(console: Console, seed: int, files: int, processes: int) -> Tally:
    """Judge so many files on so many cores."""
    chunks = [range(n, min(n + _CHUNK_FILES, files)) for n in range(0, files, _CHUNK_FILES)]
    total = Tally()
    columns = (
        TextColumn("damaged files"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("files", total=files)
        for tally in _tallies(seed, chunks, processes):
            total.add(tally)
            progress.update(task, completed=total.files)
    return total


def _tallies(seed: int, chunks: Iterable[range], processes: int) -> Iterator[Tally]:
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(run_chunk, [seed] * len(list(chunks)), chunks)


def report(console: Console, seed: int, total: Tally) -> None:
    """The counts, and how to see each silent file again."""
    table = Table("files", "silent", "refused", "intact rows", "delivered")
    share = f"{total.delivered / max(total.intact, 1):.2%}"
    counts = (total.files, len(total.silent), total.refused, total.intact)
    table.add_row(*(f"{count:,}" for count in counts), share)
    console.print(table)
    for names, count in total.lost.most_common(8):
        console.print(f"{count:,} intact rows not delivered after: {names}", highlight=False)
    for number, reason in sorted(total.silent.items())[:20]:
        line = f"SILENT {number}: {reason}"[:300]
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if total.silent:
        console.print(f"See one again: python -m fuzz --seed {seed} --only NUMBER")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--only", type=int, default=None, help="explain the file of this number")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    console = Console()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    console.print(f"seed {seed}", highlight=False)
    if options.only is not None:
        return int(show(console, seed, options.only))
    total = fuzz(console, seed, options.files, options.processes)
    report(console, seed, total)
    return 1 if total.silent else 0


if __name__ == "__main__":
    sys.exit(main())
