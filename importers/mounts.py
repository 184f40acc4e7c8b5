"""What kind of file system a path lies on."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
NETWORK = frozenset(
    (
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "davfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
    )
)  # fmt: skip
"""File systems without the shared memory between machines that SQLite's WAL needs."""
OUR_CLOCK = frozenset(
    ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "overlay", "tmpfs")
)
"""File systems whose times of change are by this machine's clock, and as fine as its tick."""
KERNEL = frozenset(
    (
        "proc", "sysfs", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "configfs", "bpf", "pstore",
        "efivarfs", "selinuxfs", "fusectl", "binfmt_misc", "devpts", "rpc_pipefs",
    )
)  # fmt: skip
"""File systems that hold no files of anybody, whatever rights their folders show."""


def network_file_system(path: Path) -> str | None:
    """The type of the network file system that `path` would lie on; None for a local one, or where nothing tells."""
    kind = file_system(path)
    return kind if kind in NETWORK else None


def has_our_clock(path: Path) -> bool:
    """Whether what is written at `path` is known to bear the time of this machine."""
    return file_system(path) in OUR_CLOCK


def file_system(path: Path) -> str:
    """The type of the file system that `path` would lie on, "" where nothing tells."""
    if not MOUNTS.is_file():
        return ""
    path = path.resolve()
    found, kind = Path("/"), ""
    for line in MOUNTS.read_bytes().splitlines():
        _device, where, type_, *_rest = line.split(b" ")
        # A space in a name is written \040.
        mount = Path(os.fsdecode(re.sub(rb"\\(\d{3})", lambda code: bytes((int(code[1], 8),)), where)))
        if path.is_relative_to(mount) and mount.is_relative_to(found):
            found, kind = mount, type_.decode()  # of mounts over each other the last one counts
    return kind
