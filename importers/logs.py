"""The log file of launches and workers: one line an entry, appended by any number of processes.

`WatchedFileHandler` opens the file anew after a rotation.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from logging.handlers import WatchedFileHandler
from pathlib import Path


@cache
def log_to(path: str) -> logging.Logger:
    """A logger that appends to `path` (made, with its folder) and nowhere else."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = WatchedFileHandler(path, encoding="utf-8")
    handler.setFormatter(formatter)
    logger = logging.getLogger(f"obmen.{path.replace('.', '_')}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return logger
