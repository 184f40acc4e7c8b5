"""`python -m importers.worker ID`: the detached process that runs one session. Its settings come by the environment."""

from __future__ import annotations

import asyncio
import gc
import os
import sys

from importers import settings, texts
from importers.errors import ObmenError
from importers.worker.reader_process import fork_reader
from importers.worker.run import work


def main() -> int:
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # an import makes millions of short-lived tuples and no cycles
    try:
        config = settings.from_env()
        texts.use(config.language)
        reader = fork_reader()
        try:
            return asyncio.run(work(int(sys.argv[1]), config, reader))
        finally:
            if reader:
                reader.close()
    except ObmenError as error:  # not even the journal could be told
        print(error, file=sys.stderr)  # noqa: T201 (into the log file)
        return error.exit_code


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # all is closed: to take the modules apart costs a tenth of a small session
