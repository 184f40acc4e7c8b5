"""`python -m importers.cli`: the engine's commands without a screen."""

from __future__ import annotations

import sys

from importers.cli import main

if __name__ == "__main__":
    sys.exit(main())
