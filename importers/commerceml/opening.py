"""Opening a source."""

from __future__ import annotations

from collections.abc import Set
from contextlib import AbstractContextManager
from pathlib import Path

from importers.commerceml.records import Record
from importers.commerceml.source import Export, Overview, find_export, overview_of


def open_export(path: str | Path, wanted: Set[type[Record]] = frozenset()) -> Export:
    """Open a source and find its files; `wanted`: all the records that are going to be read of it, where that is
    known. Raises SourceError that names the thing and the cure."""
    return find_export(Path(path), frozenset(wanted))


def open_overview(path: str | Path) -> AbstractContextManager[Overview]:
    """What a source holds, with as few looks into its files as may be. Raises SourceError, on entering and within."""
    return overview_of(Path(path))
