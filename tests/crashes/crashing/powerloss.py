"""A disk that forgets: what a directory may look like after the power went at any moment of a run.

A run's system calls are recorded by strace, data included, and played again up to a moment. What
was written but not fsynced may be there, or not, or torn; a name that was made, moved or removed
may have changed or not, each on its own, unless its folder was fsynced afterwards. That is all that
POSIX promises; file systems mostly promise more. A rename is one change, done or not done.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRACED = (
    "openat,close,write,pwrite64,writev,pwritev,sendfile,copy_file_range,ftruncate,fallocate,lseek,"
    "fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,"
    "mkdirat,rmdir,chmod,fchmod,dup,dup2,fcntl"
)
UNKNOWN = {"writev", "pwritev", "copy_file_range", "fallocate", "renameat", "renameat2"}
UNKNOWN |= {"linkat", "symlinkat", "mkdirat"}
_CALL = re.compile(
    r"^(?P<at>[0-9.]+) (?P<name>\w+)\((?P<args>.*)\)\s+= (?P<result>-?\d+).*<(?P<took>[0-9.]+)>$"
)
FROM_THE_BEGINNING = {"close", "fsync", "fdatasync"}
SECTOR = 512


@dataclass
class Call:
    """A system call that succeeded.

    `at`: when it has surely happened, or may have, of what other threads can tell it by: a number
    may be opened anew while the close of it hasn't returned, and what is written while an fsync
    lasts may be missing in it. So these count from their beginning, all others from their return.
    """

    at: float
    name: str
    args: list[str]
    result: int

    def text(self, position: int) -> str:
        return self.data(position).decode()

    def data(self, position: int) -> bytes:
        quoted = self.args[position].strip().strip('"')
        return bytes.fromhex(quoted.replace("\\x", ""))


def read_trace(prefix: Path) -> list[Call]:
    """The calls of all threads in their order; recorded with `-ff -ttt -T -xx`."""
    found = []
    for file in prefix.parent.glob(f"{prefix.name}.*"):
        for line in file.read_text(encoding="ascii").splitlines():
            match = _CALL.match(line)
            if match and int(match["result"]) >= 0:
                took = 0.0 if match["name"] in FROM_THE_BEGINNING else float(match["took"])
                at, args = float(match["at"]) + took, match["args"].split(", ")
                found.append(Call(at, match["name"], args, int(match["result"])))
    return sorted(found, key=lambda call: call.at)


@dataclass(eq=False)
class Node:
    """A file, a folder or a symbolic link: as it is now, as it is for sure, and what is between."""

    kind: str
    kept: Path | None = None  # content that was there from the beginning
    now: bytearray | None = None
    sure: bytes | None = None
    target: str = ""
    mode: int = 0o600
    sure_mode: int = 0o600
    pending: list[tuple[Any, ...]] = field(default_factory=list)
    names: dict[str, Node] = field(default_factory=dict)
    sure_names: dict[str, Node] = field(default_factory=dict)

    def content(self) -> bytearray:
        """What is in the file now, to be changed."""
        if self.now is None:
            self.now = bytearray(self.kept.read_bytes() if self.kept else b"")
            self.sure = bytes(self.now)
        return self.now


@dataclass(eq=False)
class NameChange:
    """One change of names, done or not done as a whole."""

    gone: list[tuple[Node, str]]
    made: list[tuple[Node, str, Node]]

    def touches(self, folder: Node) -> bool:
        return any(where is folder for where, *_ in [*self.gone, *self.made])

    def apply(self, names: dict[Node, dict[str, Node]]) -> None:
        for where, name in self.gone:
            names[where].pop(name, None)
        for where, name, node in self.made:
            names[where][name] = node


class Disk:
    """A directory as it was, and the calls of a run played on it one by one."""

    def __init__(self, root: Path, base: Path) -> None:
        """`root`: its path when it was recorded. `base`: a copy from before."""
        self.prefix = str(root)
        self._inodes: dict[int, Node] = {}
        self.root = self._load(base)
        self.open: dict[int, tuple[Node, int]] = {}
        self.changes: list[NameChange] = []

    def _load(self, path: Path) -> Node:
        status = path.lstat()
        if status.st_ino in self._inodes:
            return self._inodes[status.st_ino]
        if path.is_symlink():
            node = Node("link", target=str(path.readlink()))
        elif path.is_dir():
            node = Node("dir")
            node.names = {child.name: self._load(child) for child in path.iterdir()}
            node.sure_names = dict(node.names)
        else:
            node = Node("file", kept=path)
        node.mode = node.sure_mode = status.st_mode & 0o777
        self._inodes[status.st_ino] = node
        return node

    def _place(self, path: str, folder: str = "AT_FDCWD") -> tuple[Node, str] | None:
        """The folder that a path is in, and its name there; None where it isn't ours."""
        if folder == "AT_FDCWD":
            if not (path + "/").startswith(self.prefix + "/"):
                return None
            parts, node = path[len(self.prefix) :].strip("/").split("/"), self.root
        else:
            held = self.open.get(int(folder))
            if held is None:
                return None
            parts, node = path.split("/"), held[0]
        for part in parts[:-1]:
            if part not in node.names:
                return None
            node = node.names[part]
        return node, parts[-1]

    def _find(self, path: str, folder: str = "AT_FDCWD") -> Node | None:
        if folder == "AT_FDCWD" and path.rstrip("/") == self.prefix:
            return self.root
        place = self._place(path, folder)
        return place[0].names.get(place[1]) if place else None

    def _change(self, gone: list[tuple[Node, str]], made: list[tuple[Node, str, Node]]) -> None:
        for where, name in gone:
            where.names.pop(name, None)
        for where, name, node in made:
            where.names[name] = node
        self.changes.append(NameChange(gone, made))

    def play(self, call: Call) -> bool:
        """Do what a call did; False where it concerns nothing of ours."""
        if call.name in UNKNOWN:
            raise NotImplementedError(f"{call.name}({call.args})")
        done = getattr(self, f"_{call.name}", None)
        return bool(done(call)) if done else False

    def _openat(self, call: Call) -> bool:
        path, folder, flags = call.text(1), call.args[0], call.args[2]
        self.open.pop(call.result, None)
        place, node = self._place(path, folder), self._find(path, folder)
        changed = False
        if node is None and place and "O_CREAT" in flags:
            node, changed = Node("file"), True
            node.mode = node.sure_mode = int(call.args[3], 8) & ~0o077
            self._change([], [(place[0], place[1], node)])
        if node is None:
            return False
        if "O_TRUNC" in flags and node.kind == "file" and (node.content() or node.pending):
            changed = True
            self._cut(node, 0)
        self.open[call.result] = (node, len(node.content()) if "O_APPEND" in flags else 0)
        return changed

    def _close(self, call: Call) -> bool:
        self.open.pop(int(call.args[0]), None)
        return False

    def _fcntl(self, call: Call) -> bool:
        if call.args[1].startswith("F_DUPFD") and int(call.args[0]) in self.open:
            self.open[call.result] = self.open[int(call.args[0])]
        return False

    def _dup(self, call: Call) -> bool:
        if int(call.args[0]) in self.open:
            self.open[call.result] = self.open[int(call.args[0])]
        return False

    _dup2 = _dup

    def _lseek(self, call: Call) -> bool:
        if (held := self.open.get(int(call.args[0]))) is not None:
            self.open[int(call.args[0])] = (held[0], call.result)
        return False

    def _put(self, node: Node, offset: int, data: bytes) -> None:
        content = node.content()
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
        node.pending.append(("write", offset, data))

    def _cut(self, node: Node, size: int) -> None:
        content = node.content()
        del content[size:]
        content.extend(bytes(size - len(content)))
        node.pending.append(("cut", size))

    def _write(self, call: Call) -> bool:
        number = int(call.args[0])
        if number not in self.open:
            return False
        node, offset = self.open[number]
        self._put(node, offset, call.data(1)[: call.result])
        self.open[number] = (node, offset + call.result)
        return True

    def _pwrite64(self, call: Call) -> bool:
        held = self.open.get(int(call.args[0]))
        if held is None:
            return False
        self._put(held[0], int(call.args[3]), call.data(1)[: call.result])
        return True

    def _sendfile(self, call: Call) -> bool:
        out, source = self.open.get(int(call.args[0])), self.open.get(int(call.args[1]))
        if out is None or source is None or call.result == 0:
            return False
        offset = source[1] if call.args[2] == "NULL" else int(call.args[2].strip("[").split("]")[0])
        data = bytes(source[0].content()[offset : offset + call.result])
        self._put(out[0], out[1], data)
        self.open[int(call.args[0])] = (out[0], out[1] + call.result)
        if call.args[2] == "NULL":
            self.open[int(call.args[1])] = (source[0], offset + call.result)
        return True

    def _ftruncate(self, call: Call) -> bool:
        held = self.open.get(int(call.args[0]))
        if held is None:
            return False
        self._cut(held[0], int(call.args[1]))
        return True

    def _fsync(self, call: Call) -> bool:
        held = self.open.get(int(call.args[0]))
        if held is None:
            return False
        node = held[0]
        if node.kind == "file":
            node.sure, node.pending = bytes(node.content()), []
        else:
            touching = [change for change in self.changes if change.touches(node)]
            self.changes = [change for change in self.changes if change not in touching]
            for change in touching:
                folders = {w for w, *_ in [*change.gone, *change.made]}
                change.apply({folder: folder.sure_names for folder in folders})
        node.sure_mode = node.mode
        return True

    _fdatasync = _fsync

    def _rename(self, call: Call) -> bool:
        source, target = self._place(call.text(0)), self._place(call.text(1))
        if source is None or target is None:
            return False
        self._change([source], [(*target, source[0].names[source[1]])])
        return True

    def _link(self, call: Call) -> bool:
        node, target = self._find(call.text(0)), self._place(call.text(1))
        if node is None or target is None:
            return False
        self._change([], [(*target, node)])
        return True

    def _symlink(self, call: Call) -> bool:
        target = self._place(call.text(1))
        if target is None:
            return False
        self._change([], [(*target, Node("link", target=call.text(0)))])
        return True

    def _mkdir(self, call: Call) -> bool:
        place = self._place(call.text(0))
        if place is None:
            return False
        mode = int(call.args[1], 8) & ~0o077
        self._change([], [(*place, Node("dir", mode=mode, sure_mode=mode))])
        return True

    def _unlink(self, call: Call) -> bool:
        place = self._place(call.text(0))
        if place is None or place[1] not in place[0].names:
            return False
        self._change([place], [])
        return True

    _rmdir = _unlink

    def _unlinkat(self, call: Call) -> bool:
        place = self._place(call.text(1), call.args[0])
        if place is None or place[1] not in place[0].names:
            return False
        self._change([place], [])
        return True

    def _chmod(self, call: Call) -> bool:
        node = self._find(call.text(0))
        if node is not None:
            node.mode = int(call.args[1], 8)
        return node is not None

    def sync_all(self) -> None:
        """As if the power had stayed: all of it is on the disk."""
        self.changes = []
        for folder in list(_folders(self.root)):
            folder.sure_names = dict(folder.names)
            for node in (folder, *folder.names.values()):
                node.sure_mode, node.pending = node.mode, []
                if node.now is not None:
                    node.sure = bytes(node.now)

    def lose_power(self, draw: random.Random, target: Path) -> None:
        """Write into `target` one of the states that the directory may be in now.

        How much is lost is drawn as well: all that may be, nothing, or anything between.
        """
        share = draw.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        names = {node: dict(node.sure_names) for node in _folders(self.root)}
        for change in self.changes:
            for where, *_ in [*change.gone, *change.made]:
                names.setdefault(where, dict(where.sure_names))
            if draw.random() >= share:
                change.apply(names)
        self._made: dict[Node, Path] = {}
        self._write_node(self.root, target, names, draw, share)

    def _write_node(
        self,
        node: Node,
        path: Path,
        names: dict[Node, dict[str, Node]],
        draw: random.Random,
        share: float,
    ) -> None:
        mode = node.mode if draw.random() >= share else node.sure_mode
        if node in self._made and node.kind == "file":
            os.link(self._made[node], path)
            return
        if node.kind == "link":
            path.symlink_to(node.target)
            return
        if node.kind == "dir":
            path.mkdir()
            for name, child in names.get(node, node.sure_names).items():
                self._write_node(child, path / name, names, draw, share)
        elif node.now is None and node.kept is not None and _immutable(node.kept):
            os.link(node.kept, path)
            self._made[node] = path
            return
        elif node.now is None and node.kept is not None:
            shutil.copyfile(node.kept, path)
        else:
            path.write_bytes(_survived(node, draw, share))
        path.chmod(mode)
        self._made[node] = path


def _immutable(path: Path) -> bool:
    """Whether no run writes into such a file, so that a link will do for a copy."""
    return path.suffix in (".parquet", ".csv", ".zip") or "releases" in path.parts


def _survived(node: Node, draw: random.Random, share: float) -> bytes:
    """What is sure of a file, and of what was written since some, some in part, some not."""
    content = bytearray(node.sure or b"")
    for change in node.pending:
        if draw.random() < share:
            continue
        if change[0] == "cut":
            del content[change[1] :]
            content.extend(bytes(change[1] - len(content)))
            continue
        _, offset, data = change
        if draw.random() < share:  # torn: only its first sectors
            data = data[: draw.randrange(len(data) + 1) // SECTOR * SECTOR]
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
    return bytes(content)


def _folders(root: Node) -> Iterator[Node]:
    """Every folder that is there now or was for sure."""
    seen, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        yield node
        for child in (*node.names.values(), *node.sure_names.values()):
            if child.kind == "dir" and child not in seen:
                seen.add(child)
                waiting.append(child)
