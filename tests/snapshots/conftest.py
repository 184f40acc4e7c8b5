import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tui"))

from tui_stage import same_environment, settings

__all__ = ["same_environment", "settings"]
