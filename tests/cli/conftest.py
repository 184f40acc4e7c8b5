"""A terminal that commands print to."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from collections.abc import Iterator

import pytest

from importers.output import Output


class Printed:
    """Standard output leads to a pseudo-terminal; `read` is what it was sent."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        self.resize(80)
        self._file = os.fdopen(self.slave, "w", encoding="utf-8")
        self.output = Output(self._file)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def close(self) -> None:
        self._file.close()
        os.close(self.master)

    def read(self) -> str:
        data = b""
        while select.select([self.master], [], [], 0.05)[0]:
            data += os.read(self.master, 65536)
        return data.decode()


@pytest.fixture
def terminal() -> Iterator[Printed]:
    found = Printed()
    yield found
    found.close()
