from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engine_stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The machine's own clock, and real worker processes."""
    async with staged(tmp_path) as made:
        yield made
