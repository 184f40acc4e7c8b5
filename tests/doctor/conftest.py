"""Settings in which the doctor finds nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine_stage import make_settings, write_export

from importers.settings import Settings


@pytest.fixture
def healthy(tmp_path: Path) -> Settings:
    write_export(tmp_path / "export")
    return make_settings(tmp_path)
