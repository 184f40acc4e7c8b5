"""Reading what 1C wrote: finding the files of an export and streaming their records (docs/format.md)."""

from __future__ import annotations

from importers.commerceml.opening import open_export, open_overview
from importers.commerceml.parts import Part
from importers.commerceml.source import Export, Overview
from importers.commerceml.work import Work

__all__ = ["Export", "Overview", "Part", "Work", "open_export", "open_overview"]
