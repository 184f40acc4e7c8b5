"""A new catalog, and where its file lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from importers.catalog import open_catalog
from importers.catalog.protocol import Catalog


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    catalog = await open_catalog(f"sqlite:///{tmp_path}/shop/catalog.sqlite3")
    yield catalog
    await catalog.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop" / "catalog.sqlite3"
