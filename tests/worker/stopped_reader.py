"""A worker with a process that reads beside it, which stops where a test wants it: `stopped_reader.py ID POINT`.

Prints "forked PID" or "alone"; the other process then prints "at POINT" and waits for a line. Points: `read` (it has
read a batch), `bug` (not stopped: it raises what nobody expects), `none`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

from importers import settings
from importers.kinds.beside import Apart
from importers.worker import reader_process, sharing
from importers.worker.run import work


def main(session: str, point: str) -> int:
    sharing.LEAST_BYTES = 1
    read = Apart.read

    def stopping(self: Apart, *args: Any) -> Iterator[None]:
        for step in read(self, *args):
            yield step
            if point == "bug":
                raise ZeroDivisionError("by design")
            if point == "read":
                print("at read", flush=True)  # noqa: T201
                sys.stdin.readline()

    Apart.read = stopping  # type: ignore[method-assign]
    reader = reader_process.fork_reader()
    print(f"forked {reader.pid}" if reader else "alone", flush=True)  # noqa: T201
    try:
        return asyncio.run(work(int(session), settings.from_env(), reader))
    finally:
        if reader:
            reader.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
