"""`python -m importers.worker ID`: the detached process that runs one session. Its settings come by the environment."""

from __future__ import annotations

import asyncio
import gc
import sys

from importers import settings, texts
from importers.worker.run import work

if __name__ == "__main__":
    config = settings.load()
    texts.use(config.language)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # an import makes millions of short-lived tuples and no cycles
    sys.exit(asyncio.run(work(int(sys.argv[1]), config)))
