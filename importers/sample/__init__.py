"""The sample export that `obmen demo` shows: an invented outdoor shop, made by `python -m importers.sample.make`."""

from __future__ import annotations

from pathlib import Path

EXPORT = Path(__file__).parent / "export"
"""The folder that ships with the package, laid out like a package of 1C with CommerceML 3.1."""
