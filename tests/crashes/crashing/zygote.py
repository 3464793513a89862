"""A process that has imported everything and forks for each stage, so that a run costs no start.

Reads one JSON job a line: {"stage", "env", "log", "noted", "kill"}; answers with the child's exit
code (-9: killed) on a line of its own. With "hold", the child waits until the file of that name is
there, and its number comes on a line before. {"mount": options, "at": folder} mounts a disk in
memory instead, in a namespace that this process has to itself; {"bind": folder, "options": ...}
gives a folder other options.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from crashing.stages import run_stage


def _child(job: dict[str, Any]) -> None:
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)
    os.umask(0o077)  # modes are given, never inherited
    os.environ.update(job["env"])
    os.chdir(Path(job["env"]["SMARTCONNECT_DATA_DIR"]).parent)
    while job.get("hold") and not Path(job["hold"]).exists():
        time.sleep(0.002)
    kill = (job["kill"][0], int(job["kill"][1])) if job["kill"] else None
    code = 1
    try:
        run_stage(job["stage"], kill, Path(job["noted"]))
        code = 0
    except BaseException:  # noqa: BLE001  (told in the log; the answer is the code)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _bind(folder: str, options: str | None) -> int:
    """Mount a folder onto itself with the options of a mount; without any, unmount it."""
    if options is None:
        return subprocess.run(["umount", folder], check=False).returncode
    code = subprocess.run(["mount", "--bind", folder, folder], check=False).returncode
    return code or subprocess.run(["mount", "-o", options, folder], check=False).returncode


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        if "mount" in job:
            command = ["mount", "-t", "tmpfs", "-o", job["mount"], "disk", job["at"]]
            print(subprocess.run(command, check=False).returncode, flush=True)
            continue
        if "bind" in job:
            print(_bind(job["bind"], job["options"]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            _child(job)
        if job.get("hold"):
            print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
