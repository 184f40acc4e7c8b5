"""Reading what 1C wrote: finding the files of an export and streaming their records (docs/format.md)."""

from __future__ import annotations

from pathlib import Path

from importers.commerceml.parts import Part
from importers.commerceml.source import Export

__all__ = ["Export", "Part", "open_export"]


def open_export(path: str | Path) -> Export:
    """Open a source and find its files. Raises SourceError that names the thing and the cure."""
    from importers.commerceml.source import find_export

    return find_export(Path(path))
