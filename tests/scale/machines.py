"""Machines that run the commands of docs/scale-out.md, each with a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CONFIGURED = "/etc/smartconnect"
PAGE = PROJECT / "docs" / "scale-out.md"


def commands(word: str) -> str:
    """The one block of the page that has `word` in its last command."""
    page = PAGE.read_text(encoding="utf-8").replace("\\\n", "")  # a command on two lines is one
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    (found,) = (block for block in blocks if re.search(word, block.strip().splitlines()[-1]))
    return str(found)


class Machine:
    """A folder in place of a machine's disk, with the profiles of `deploy/scale-out` in it.

    Args:
        folder: the machine's own.
        values: what an operator writes into the profiles, by variable.
        before: a command that others are put behind, such as one that enters a network namespace.
    """

    def __init__(
        self, folder: Path, values: Mapping[str, str], before: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self._before = before
        folder.mkdir(parents=True)
        (folder / "prefect").mkdir()
        for profile in (PROJECT / "deploy" / "scale-out").glob("*.env"):
            lines = profile.read_text(encoding="utf-8").splitlines()
            told = [_filled(line, values) for line in lines]
            extra = [f"{name}={value}" for name, value in values.items()]
            (folder / profile.name).write_text("\n".join([*told, *extra]) + "\n")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not _concerns(name)},
            "PREFECT_HOME": str(folder / "prefect"),
            "HOME": str(folder),
            "SCALE_TEST": str(folder),  # inherited by all, and found again by it
        }

    def run(self, block: str, **more: str) -> str:
        """Run a block of the page to its end; what it said."""
        done = subprocess.run(
            self._command(block), cwd=PROJECT, env={**self.environment, **more},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    @contextmanager
    def running(self, block: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A block of the page for the time of the block; whatever it started is killed."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                self._command(block), cwd=PROJECT, env=self.environment,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            self.kill()
            process.wait()

    def kill(self) -> int:
        """SIGKILL to every process of the machine; how many there were."""
        found = self.processes()
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return len(found)

    def processes(self, mark: str = "") -> list[int]:
        """The machine's processes, or those with `mark` in their environment as well."""
        ours = f"SCALE_TEST={self.folder}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                environment = path.read_bytes()
                if ours in environment and mark.encode() in environment:
                    found.append(int(path.parent.name))
        return found

    def said(self, name: str) -> str:
        """What a running block has said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def _command(self, block: str) -> list[str]:
        return [*self._before, "bash", "-euc", block.replace(CONFIGURED, str(self.folder))]


def _concerns(name: str) -> bool:
    return name.startswith(("PREFECT_", "SMARTCONNECT_"))


def _filled(line: str, values: Mapping[str, str]) -> str:
    name = line.partition("=")[0]
    return f"{name}={values[name]}" if name in values else line
