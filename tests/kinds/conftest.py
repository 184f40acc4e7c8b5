from __future__ import annotations

from pathlib import Path

import pytest
from exchange import Exchange
from shops import Shop

pytest.register_assert_rewrite("model_of_files")  # its comparison should tell what differs


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "catalog.sqlite3", tmp_path / "images", looks_ahead=True)


@pytest.fixture
def exchange(shop: Shop, tmp_path: Path) -> Exchange:
    return Exchange(shop, tmp_path / "1c")
