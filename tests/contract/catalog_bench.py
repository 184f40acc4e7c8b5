"""A new catalog in a database of some engine, and what is in its tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from importers.catalog.protocol import Catalog


class CatalogBench(NamedTuple):
    catalog: Catalog
    url: str
    rows: Callable[[str], list[Any]]
    """Tuples, as another connection finds them."""
