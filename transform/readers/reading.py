"""The body of a delimited file, from the header on: in blocks where that is safe, else by record.

What both ways agree on is a place in the file where a record begins. A block that isn't proven
well-formed is tried again in small pieces, and only such a piece is read record by record.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transform.readers.blocks import Block, BlockParser, last_record_end
from transform.readers.careful import CarefulReader
from transform.readers.encodings import STEP_BYTES, decoded
from transform.readers.export import LineCount, ReaderLimits, Rejects, batches_of
from transform.readers.kinds import refuse
from transform.readers.neighbours import HEADER_AGAIN
from transform.readers.records import parse_record
from transform.readers.table import Table

SMALL_BYTES = 256 * 1024
SECOND_TABLE = "another table begins above it, with the same header"
_LOOK_AHEAD_BYTES = 64 * 1024


class Reading:
    """One reading of a table's body.

    Args:
        table: the file as it was understood.
        limits: caps.
        block_bytes: the size of blocks; 0 reads all of it record by record.
    """

    def __init__(self, table: Table, limits: ReaderLimits, block_bytes: int) -> None:
        self._table = table
        self._limits = limits
        self._parser = BlockParser(
            table.dialect,
            table.encoding,
            [*table.columns, *(["\x00behind"] if table.trailing_delimiter else [])],
            limits.max_record_bytes,
            proven_utf8=table.proven_utf8,
        )
        self._block_bytes = block_bytes if self._parser.possible else 0
        self._row_lines = self._reject_lines = 0
        self._second_table = False

    def batches(self, rejects: Rejects) -> Iterator[pa.RecordBatch]:
        """The rows, in order; what is no row is noted in `rejects`.

        Raises:
            UnreadableExport: too many rejects, or lines that are in neither (a fault of ours).
        """
        size = self._table.path.stat().st_size
        with self._table.path.open("rb") as file:
            careful = CarefulReader(self._table, file, size, self._limits)
            small_until = 0
            while careful.position < size:
                position = careful.position
                if self._second_table:
                    self._block_bytes = 0
                small = position < small_until and self._block_bytes > SMALL_BYTES
                step = SMALL_BYTES if small else self._block_bytes
                block = self._block(careful, file, step, size) if step else None
                if block is not None:
                    yield block[0].batch
                    careful.position, careful.line = block[1], careful.line + block[0].lines
                    self._row_lines += block[0].lines
                elif step > SMALL_BYTES:
                    small_until = position + step
                else:
                    rows = self._carefully(careful, position + (step or STEP_BYTES), rejects)
                    yield from batches_of(self._table.columns, rows)
        rejects.lines = self._account(careful)

    def _block(
        self, careful: CarefulReader, file: BinaryIO, step: int, size: int
    ) -> tuple[Block, int] | None:
        """The next block and where it ends; None where it must be read by record."""
        position = careful.position
        file.seek(position)
        buffer = file.read(step + _LOOK_AHEAD_BYTES)
        cut = last_record_end(buffer[:step], self._table.dialect)
        text = buffer[:cut]
        if not cut or _has_line_with_bom(text):
            return None
        if position + cut < size and self._piece_follows(buffer, cut):
            return None
        block = self._parser.parse(text)
        if block is None or self._has_header(block.batch):
            return None
        if self._table.trailing_delimiter:
            last = block.batch.num_columns - 1
            if _holds_other(block.batch.column(last), ""):
                return None
            block = Block(block.batch.select(range(last)), block.lines)
        return block, position + cut

    def _piece_follows(self, buffer: bytes, cut: int) -> bool:
        """Whether what comes next may belong to the block's last record."""
        table = self._table
        parsed = parse_record(buffer, cut, table.dialect, self._limits.max_record_bytes)
        if parsed.problem is not None or len(parsed.fields) != table.width:
            return True
        return not self._table.surely_begins(buffer[cut : parsed.end])

    def _has_header(self, batch: pa.RecordBatch) -> bool:
        same = pc.equal(batch.column(0), pa.scalar(self._table.header[0], pa.string()))
        return bool(pc.any(same).as_py())

    def _carefully(
        self, careful: CarefulReader, until: int, rejects: Rejects
    ) -> Iterator[list[str]]:
        for record in careful.read(until):
            if record.cells is not None and not self._second_table:
                self._row_lines += record.lines
                yield record.cells
                continue
            self._reject_lines += record.lines
            raw = decoded(record.raw, self._table.encoding)[0]
            rejects.add(record.line, raw, record.reason or SECOND_TABLE)
            if record.reason == HEADER_AGAIN and self._row_lines:
                self._second_table = True

    def _account(self, careful: CarefulReader) -> LineCount:
        """Every line of the file is in a row, in a reject, above the body, or blank.

        Raises:
            UnreadableExport: one isn't, which would be a fault of ours.
        """
        others = self._table.line - 1 + careful.blank_lines
        lines = LineCount(self._row_lines, self._reject_lines, others)
        counted = count_file_lines(self._table.path)
        if counted != lines.total:
            raise refuse(
                f"of its {counted:,} lines {lines.total:,} are accounted for",
                "This is a fault of the reader: keep the file and report it.",
            )
        return lines


def _has_line_with_bom(text: bytes) -> bool:
    """Its first byte alone is searched ten times as fast, and Russian text in UTF-8 has none."""
    if BOM_UTF8[:1] not in text:
        return False
    return text.startswith(BOM_UTF8) or b"\n" + BOM_UTF8 in text


def _holds_other(column: pa.Array[Any], text: str) -> bool:
    return bool(pc.any(pc.not_equal(column, pa.scalar(text, pa.string()))).as_py())


def count_file_lines(path: Path) -> int:
    """The lines of a file, counted apart from any reading: CR, LF or CRLF, or the end."""
    lines, last = 0, 0
    with path.open("rb") as file:
        while chunk := file.read(STEP_BYTES):
            codes = np.frombuffer(chunk, np.uint8)
            lines += int(np.count_nonzero(codes == 10))
            carriages = np.flatnonzero(codes == 13)
            if len(carriages):
                followed = carriages[carriages + 1 < len(codes)] + 1
                lines += len(carriages) - int(np.count_nonzero(codes[followed] == 10))
            lines -= last == 13 and chunk[0] == 10
            last = chunk[-1]
    return lines + (last not in (0, 10, 13) or (last == 0 and path.stat().st_size > 0))
