"""Thousands of byte strings looked for at once: by their first bytes, then each in full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

BEGINNING_BYTES = 6
_STEP_BYTES = 4 * 1024**2
_TABLE_BITS = 20
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
Keys = npt.NDArray[np.uint64]


class Beginnings:
    """Byte strings by their first six bytes."""

    def __init__(self, patterns: Iterable[bytes]) -> None:
        self._patterns: dict[bytes, list[bytes]] = defaultdict(list)
        self._table = np.zeros(1 << _TABLE_BITS, np.bool_)
        for pattern in patterns:
            if len(pattern) < BEGINNING_BYTES:
                raise ValueError("a pattern is too short")
            self._patterns[pattern[:BEGINNING_BYTES]].append(pattern)
            self._table[_places(_keys(pattern[:BEGINNING_BYTES]))] = True

    def found_in(self, content: bytes) -> set[bytes]:
        """Those that stand in `content`."""
        found: set[bytes] = set()
        for start in range(0, len(content), _STEP_BYTES):
            step = content[start : start + _STEP_BYTES + BEGINNING_BYTES - 1]
            if len(step) >= BEGINNING_BYTES:
                for at in np.flatnonzero(self._table[_places(_keys(step))]):
                    place = start + int(at)
                    likely = self._patterns.get(content[place : place + BEGINNING_BYTES], ())
                    found.update(p for p in likely if content.startswith(p, place))
        return found


def _keys(content: bytes) -> Keys:
    """Each place's six bytes as one number."""
    values = np.frombuffer(content, np.uint8).astype(np.uint64)
    places = len(values) - BEGINNING_BYTES + 1
    keys = np.zeros(places, np.uint64)
    for number in range(BEGINNING_BYTES):
        keys |= values[number : number + places] << np.uint64(8 * number)
    return keys


def _places(keys: Keys) -> Keys:
    return (keys * _SCATTER) >> np.uint64(64 - _TABLE_BITS)
