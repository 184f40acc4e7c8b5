"""A worker that tells how far it is: `recorded_run.py ID alone|beside`. Prints what it writes to the journal of its
progress, at every step, a JSON array a line: done, total, running kind, standing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from importers import settings
from importers.kinds import intake
from importers.sessions.details import Standing
from importers.sessions.store import JournalStore
from importers.worker import run, sharing
from importers.worker.reader_process import fork_reader


def main(session: str, how: str) -> int:
    run.FLUSH_SECONDS, intake.EVERY_SECONDS = 0.0, 0.001
    sharing.LEAST_BYTES = 1
    write = JournalStore.write

    async def recording(self: JournalStore, *args: Any, details: Sequence[Any] = (), **rest: Any) -> bool:
        standing = next((told for told in details if isinstance(told, Standing)), None)
        line = [rest["done"], rest["total"], rest["running_kind"], standing]
        print(msgspec.json.encode(line).decode(), flush=True)  # noqa: T201
        return await write(self, *args, details=details, **rest)

    JournalStore.write = recording  # type: ignore[method-assign]
    reader = fork_reader() if how == "beside" else None
    try:
        return asyncio.run(run.work(int(session), settings.from_env(), reader))
    finally:
        if reader:
            reader.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
