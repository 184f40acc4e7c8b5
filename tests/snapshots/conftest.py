import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tui"))

from pictured_room import studio
from tui_stage import same_environment, settings

__all__ = ["same_environment", "settings", "studio"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="take the pictures as they are now for right")
