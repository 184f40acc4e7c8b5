"""Reading what 1C wrote: finding the files of an export and streaming their records (docs/format.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from importers.commerceml.records import Record, Rejected


class Part(Protocol):
    """One XML file of an export. Sorted by number, not by text (rests_1_10 after rests_1_9)."""

    name: str
    """Path relative to the source, with `/`; for a zip, the path inside it."""
    size: int
    modified: str
    """UTC, ISO 8601."""
    kinds: frozenset[str]
    """Import types that this file may serve, judged by its conventional name and its head; generous when unsure."""


class Export(Protocol):
    """A source that was opened: a folder or a zip with at least one CommerceML file."""

    path: Path
    parts: tuple[Part, ...]

    def records(
        self,
        kind: str,
        *wanted: type[Record],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[list[Record | Rejected]]:
        """Stream the wanted records of the files that may serve `kind`, in batches, at constant memory.

        Each file's `Section`s come before their records. `on_progress(bytes done, bytes total)`.
        Raises BadFile (cut, wrong root, wrong encoding, changed while read); after the last batch every
        file was read to its end and is the same as before (device, inode, size, mtime).
        """
        ...


def open_export(path: str | Path) -> Export:
    """Open a source and find its files. Raises SourceError that names the thing and the cure."""
    from importers.commerceml.files import find_export

    return find_export(Path(path))
