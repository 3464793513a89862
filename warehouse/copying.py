"""A file copied without its bytes, where the file system can share blocks (XFS, Btrfs).

A shared block is copied by the file system when one of the two is written into, so the copy is as
independent as any other.
"""

from __future__ import annotations

import errno
import fcntl
import shutil
import sys
from pathlib import Path

_FICLONE = 0x40049409  # <linux/fs.h>; Python names it from 3.13 on
# What file systems and kernels answer that can't, or can't between these two.
_CANNOT = {
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.ETXTBSY,
}


def copy_file(source: Path, target: Path) -> bool:
    """Make `target` with the content of `source`.

    Returns:
        Whether both share their blocks, so that no byte was copied.
    """
    shared = True
    with source.open("rb") as old, target.open("xb") as new:
        sys.audit("smartconnect.point", "warehouse.copying.target-made")
        try:
            fcntl.ioctl(new, _FICLONE, old.fileno())
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            shared = False
    if not shared:
        shutil.copyfile(source, target)
    sys.audit("smartconnect.point", "warehouse.copying.content-there")
    return shared
