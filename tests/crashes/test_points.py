"""Every durable side effect is followed by a crash point of its own name, or says why not."""

from __future__ import annotations

from collections import Counter

import pytest
from crashing.points import EXEMPT, exempted, gaps, points


@pytest.mark.promise("process-crash-points")
def test_every_side_effect_is_followed_by_a_crash_point() -> None:
    assert gaps() == []


@pytest.mark.promise("process-crash-points")
def test_points_are_named_once_and_for_their_module() -> None:
    found = points()
    assert len(found) > 60
    assert [name for name, count in Counter(e.point for e in found).items() if count > 1] == []
    for effect in found:
        module = ".".join(effect.where.split(".")[:-1])
        assert str(effect.point).startswith(f"{module}."), effect


def test_no_exemption_outlives_its_side_effect() -> None:
    assert set(EXEMPT) == exempted()
