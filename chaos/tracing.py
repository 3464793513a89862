"""Kills at system calls, by strace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CALLS = {
    "write": "write,pwrite64,writev",
    "fsync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2",
    "connect": "connect",
}


def strace_works() -> bool:
    """Whether system calls of another process can be made to kill it here."""
    program_path = shutil.which("strace")
    if program_path is None or not sys.platform.startswith("linux"):
        return False
    with subprocess.Popen(["sleep", "30"]) as sleeper:  # noqa: S607
        try:
            attached = traced(sleeper.pid, "write", 1)
            time.sleep(0.3)
            status = Path(f"/proc/{sleeper.pid}/status").read_text(encoding="utf-8")
            attached.kill()
            attached.wait()
        except OSError:
            return False
        finally:
            sleeper.kill()
    return "TracerPid:\t0\n" not in status


def traced(pid: int, call: str, number: int) -> subprocess.Popen[bytes]:
    """strace at a process: SIGKILL at the how manyth call of one of its threads."""
    calls = CALLS[call]
    inject = f"inject={calls}:signal=KILL:when={number}"
    command = [
        "strace",
        "-f",
        "-p",
        str(pid),
        "-o",
        os.devnull,
        "-e",
        f"trace={calls}",
        "-e",
        inject,
    ]
    return subprocess.Popen(
        [*command, "-e", inject], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
