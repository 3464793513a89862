"""Coverage-guided fuzzing of the readers of text: `make fuzz-guided`.

Whatever bytes come, a file is read or refused with an `UnreadableExport`: no other error, no hang,
no memory beyond the cap; every row has the header's width, and every line of the file is in the
header, a row or a reject (`fuzz.judge.unaccounted`); both paths agree.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["transform.readers"]):
    from transform.readers import Export, UnreadableExport, open_export

from fuzz.agreement import disagreement
from fuzz.judge import OWN_FAULT, Reading, unaccounted
from fuzz.reference import Dialect

_BLOCK_BYTES = 64
_ROUND_SECONDS = 60
# Python, pyarrow and the readers take 130 MB; atheris adds some 50 kB for each input.
_FLAGS = (
    "-max_len=4096",
    "-timeout=10",
    "-rss_limit_mb=600",
    "-print_final_stats=1",
    "-verbosity=0",
)
# Spreadsheets are parsed in a child process: no coverage is seen, and each costs half a second.
_ELSEWHERE = (b"PK", b"\xd0\xcf\x11\xe0")


def check(content: bytes, path: Path) -> None:
    """Read some bytes; an AssertionError or any error but `UnreadableExport` is a finding."""
    if content.startswith(_ELSEWHERE):
        return
    path.write_bytes(content)
    try:
        export = open_export(path)
        rows = [list(row.values()) for batch in export for row in batch.to_pylist()]
    except UnreadableExport as error:
        if OWN_FAULT in str(error):
            raise
        return
    assert len(set(export.columns)) == len(export.columns) > 0
    assert all(isinstance(cell, str) for row in rows for cell in row)
    found = [reject.line for reject in export.rejects]
    assert found == sorted(set(found))
    if export.format.delimiter is not None and not export.format.containers:
        silent = unaccounted(_text(content, export), _dialect(export), _reading(export, rows))
        assert silent is None, silent
        differs = disagreement(path, _BLOCK_BYTES, whole=False)
        assert differs is None, differs


def _text(content: bytes, export: Export) -> str:
    return content.decode(export.format.encoding or "utf-8", "replace").removeprefix("\ufeff")


def _dialect(export: Export) -> Dialect:
    assert export.format.delimiter is not None
    return Dialect(export.format.delimiter, export.format.quote or '"')


def _reading(export: Export, rows: list[list[str]]) -> Reading:
    return Reading(export.columns, rows, export.rejects, export.format.header_line)


def fuzz_round(flags: list[str]) -> None:
    """libFuzzer's own command line."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "export"
        atheris.Setup([sys.argv[0], *flags], lambda content: check(content, path))
        atheris.Fuzz()


def main() -> int:
    """Rounds on one corpus, each in a process of its own: what atheris notes is never freed."""
    if sys.argv[1:2] == ["round"]:
        fuzz_round(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m fuzz.guided", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds seeds/; corpus/ and findings come there")
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    folder: Path = options.folder
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.guided", "round", *_FLAGS, f"-artifact_prefix={folder}/"]
    end = time.monotonic() + options.seconds
    while (left := round(end - time.monotonic())) > 0:
        seconds = f"-max_total_time={min(left, _ROUND_SECONDS)}"
        # libFuzzer ends its process without cleaning up: the files of a round go with their folder.
        with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
            done = subprocess.run(  # noqa: S603
                [*command, seconds, folder / "corpus", folder / "seeds"],
                check=False,
                env={**os.environ, "TMPDIR": temporary},
            )
        if done.returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
