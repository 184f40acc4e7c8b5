"""Import types. A kind is a module with `async def run(job: Job) -> AsyncIterator[Event]`.

A kind reads the files it needs from `job.export`, asks `job.catalog` to change the shop's tables, and yields
events. It neither commits nor rolls back: the worker does, for all kinds of a session at once.
"""

from __future__ import annotations

from importers.events import Counted, Counts, Event, Log, Options, Progress, Reject
from importers.kinds.protocol import Job, Kind
from importers.kinds.registry import KINDS, load, names

__all__ = [
    "KINDS", "Counted", "Counts", "Event", "Job", "Kind", "Log", "Options", "Progress", "Reject", "load", "names",
]  # fmt: skip
