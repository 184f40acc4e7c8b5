"""`python -m importers.launch.counting SOURCE`: counts what a source holds, and prints it as JSON."""

from __future__ import annotations

import os
import sys

import msgspec

from importers.errors import ObmenError
from importers.kinds.inspect import KindSummary, inspect_export
from importers.texts import Message

LOWEST = 19


class Told(msgspec.Struct):
    kinds: dict[str, KindSummary]
    """By the names of obmen's own import types."""
    error: Message | None = None


def main(source: str) -> int:
    os.nice(LOWEST)
    try:
        told = Told(inspect_export(source).kinds)
    except ObmenError as error:
        told = Told({}, error.message)
    sys.stdout.buffer.write(msgspec.json.encode(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
