"""The crash points of the code, and the side effects that lack one, both read from its text.

A point is `sys.audit("smartconnect.point", "<package>.<module>.<what>")`, where something durable
has just been done. A side effect without a point between it and the next one is a gap.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("extract", "warehouse", "flows")
EVENT = "smartconnect.point"

# By the last part of the called name. What only makes durable (fsync) changes nothing for a process
# that is killed; what it is good for is told by the tests of lost power.
EFFECTS = {
    "rename",
    "unlink",
    "rmdir",
    "rmtree",
    "symlink_to",
    "symlink",
    "hardlink_to",
    "link",
    "mkdir",
    "makedirs",
    "touch",
    "write_bytes",
    "write_text",
    "write",
    "writelines",
    "chmod",
    "chown",
    "copyfile",
    "copy2",
    "copytree",
    "move",
    "truncate",
    "write_table",
    # our own, which are made of these
    "open_to_readers",
    "publish_bytes",
    "write_durably",
    # requests that change an object store
    "put_object",
    "upload_file",
    "delete_objects",
    "abort_multipart_upload",
    # requests that change the vendor
    "start_chats_export",
    "start_statistics_export",
    "send_message",
    "start_bulk",
}
STATEMENTS = ("COMMIT", "CHECKPOINT", "COPY", "ATTACH", "VACUUM", "EXPORT")

# "<module>.<function>: <effect>" → why it has no point after it.
EXEMPT = {
    "warehouse.lake.write_lake_file: unlink": "cleans up after an error; the next run sweeps it",
    "extract.download._keep: unlink": "cleans up after an error; the next run sweeps it",
    "warehouse.rebuilding.swap: unlink": "cleans up after an error; the next rebuild sweeps it",
    "warehouse.extracts.write_extract: rmtree": "cleans up; the next run sweeps it",
    "warehouse.personfiles._put: write": "a cell; the sheet is written at its end",
    "warehouse.rebuilding.rebuilding: rmtree": "cleans up; the next rebuild sweeps it",
    "warehouse.rebuilding._take_history: ATTACH": "read-only: nothing is written",
    "warehouse.modes.open_lake: open_to_readers": "has its points inside",
    "warehouse.storedfetch._downloaded: open": "aside; the next run sweeps it",
    "warehouse.storedfiles._copy: open": "a copy of what is on the store, beside its place",
    "warehouse.pulling._go_on: open": "a part of nothing: the next pull goes on from it",
    "flows.servers.running: touch": "a server's log is no data",
    "warehouse.layout._make_open: rmdir": "an empty folder: another company's run was first",
    "flows.up.prefect_home: chmod": "the server's own folder holds no data of ours",
    "flows.servers.running: mkdir": "the folder of a server's log holds no data",
    "flows.servers.running: open": "a server's log is no data",
    "flows.servers.running_sandbox_process: mkdir": "the sandbox's folder holds no data of ours",
    "flows.servers.running_sandbox_process: unlink": "the sandbox's address: made anew",
    "flows.up.prefect_home: mkdir": "the server's own folder holds no data of ours",
    "flows.reportmaking.fill: write_text": "aside: put_report names it",
    "extract.coordination.keep: write": "has its points inside",
    "extract.budget._append: open": "a count of calls is no data",
    "extract.budget._append: write": "one call more or less: nothing depends on it",
    "extract.budget._forget_earlier_days: unlink": "an earlier day's count, of use to nobody",
}


@dataclass(frozen=True)
class Effect:
    """A side effect in the code, or a point (then `point` is its name)."""

    where: str
    line: int
    what: str
    point: str | None = None


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def _own_calls(function: ast.AST) -> Iterator[ast.Call]:
    """Calls in a function's body, but not in functions that it holds."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _own_calls(child)


def _first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _named(call: ast.Call) -> str | None:
    """The effect that a call has, if it has one."""
    target = call.func
    name = (
        target.attr
        if isinstance(target, ast.Attribute)
        else target.id
        if isinstance(target, ast.Name)
        else ""
    )
    if name in EFFECTS:
        return name
    if name == "replace" and isinstance(target, ast.Attribute):  # a path's: one thing, no keyword
        return name if len(call.args) == 1 and not call.keywords else None
    if name == "execute":
        words = _first_text(call).split()
        return words[0].upper() if words and words[0].upper() in STATEMENTS else None
    if name == "open" and any("O_CREAT" in ast.unparse(a) for a in call.args):
        return "open"
    if name == "open" and any(
        isinstance(a, ast.Constant) and a.value in ("w", "wb", "a", "ab", "x", "xb", "r+b")
        for a in call.args
    ):
        return name
    return None


def _effects(where: str, function: ast.AST) -> list[Effect]:
    found = []
    for call in _own_calls(function):
        if _first_text(call) == EVENT:
            name = call.args[1]
            said = name.value if isinstance(name, ast.Constant) else "not a literal"
            found.append(Effect(where, call.lineno, "point", str(said)))
        elif what := _named(call):
            found.append(Effect(where, call.end_lineno or call.lineno, what))
    return sorted(found, key=lambda effect: effect.line)


def _functions() -> Iterator[list[Effect]]:
    for module, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _effects(f"{module}.{node.name}", node)


def points() -> list[Effect]:
    """Every point of the code, in the order of packages, modules and lines."""
    return [effect for effects in _functions() for effect in effects if effect.point]


def gaps() -> list[str]:
    """The side effects that no point follows before the next side effect of the same function."""
    found = []
    for effects in _functions():
        for effect, following in zip(effects, [*effects, None][1:], strict=True):
            named = f"{effect.where}: {effect.what}"
            if effect.point or named in EXEMPT:
                continue
            if following is None or following.point is None:
                found.append(f"{named} (line {effect.line})")
    return found


def exempted() -> set[str]:
    """The side effects of the code that EXEMPT names."""
    return {
        f"{effect.where}: {effect.what}"
        for effects in _functions()
        for effect in effects
        if f"{effect.where}: {effect.what}" in EXEMPT
    }
