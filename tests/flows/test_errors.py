"""Every error is drawn where people look for it, once, and tells what to do."""

from __future__ import annotations

import importlib
import inspect
import pickle
import re

import pytest

import flows.errors
from extract.errors import ExtractError
from transform.errors import TransformError

MODULES = (
    "extract.errors",
    "transform.errors",
    "transform.contract_errors",
    "warehouse.errors",
    "flows.errors",
)
BASES = {
    "ExtractError", "StopRun", "DayFailed", "DownloadFailed", "TransformError", "ContractError",
    "WarehouseError", "FlowError",
}  # fmt: skip


def errors_of(name: str) -> set[str]:
    module = importlib.import_module(name)
    return {
        member.__name__
        for member in vars(module).values()
        if inspect.isclass(member) and member.__module__ == name
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_packages_errors_are_drawn_in_its_module(name: str) -> None:
    drawn = set(re.findall(r"\w+", importlib.import_module(name).__doc__ or ""))
    if name == "transform.contract_errors":
        drawn |= set(re.findall(r"\w+", importlib.import_module("transform.errors").__doc__ or ""))
    assert errors_of(name) - drawn == set()


def test_every_error_is_under_one_way_to_recover() -> None:
    by_recovery = (flows.errors.__doc__ or "").split("correct what was asked")[1]
    listed = [
        word
        for line in by_recovery.splitlines()
        if line.startswith("    ")
        for word in re.findall(r"\w+", line)
    ]
    known = {"StageFailed"}.union(*map(errors_of, MODULES)) - BASES
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("base", [ExtractError, TransformError])
def test_a_message_has_three_parts(base: type[ExtractError] | type[TransformError]) -> None:
    parts = ("the day", "nothing came", "Look at it.")
    given = ("export", *parts) if base is ExtractError else parts
    error = base(*given)
    assert (error.asked, error.came, error.cure) == parts
    assert all(part in str(error) for part in parts)


@pytest.mark.parametrize(
    "error",
    [
        member
        for name in MODULES
        for member in vars(importlib.import_module(name)).values()
        if inspect.isclass(member) and member.__module__ == name
    ],
)
def test_an_error_is_the_same_on_another_machine(error: type[Exception]) -> None:
    parts = ("the day", "nothing came", "Look at it.")
    given = {ExtractError: ("export", *parts), TransformError: parts}
    words = next((told for base, told in given.items() if issubclass(error, base)), ("All is so.",))
    made = error(*words)
    there = pickle.loads(pickle.dumps(made))
    assert (type(there), str(there)) == (error, str(made))
