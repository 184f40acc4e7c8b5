"""Disks that are full while it is moved: that of the server, and that of the files, which get their marks last."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from support.postgres import PostgresServer, binaries

from importers import migrate
from importers.catalog import open_catalog
from importers.errors import DatabaseError
from importers.sessions import open_journal
from importers.settings import Catalog, Settings
from tests.conftest import Obmen

Disk = Callable[[int], Path]


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """One of its own, of so many MB."""
    folder = tmp_path_factory.mktemp("disk")

    def mounted(megabytes: int) -> Path:
        options = f"size={megabytes}m,mode=777"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"a disk of its own needs the right to mount one: {done.stderr.strip()}")
        return folder

    yield mounted
    subprocess.run(["umount", "--lazy", folder], check=False, stderr=subprocess.DEVNULL)


def fill(disk: Path, but: int) -> Path:
    """All but so many bytes of it."""
    room = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - but))
    return filler
