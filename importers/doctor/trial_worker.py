"""`python -m importers.doctor.trial_worker PID`: a worker of Celery by the settings in its environment, which ends with
the doctor that has this PID, however that ends, and leaves nothing in the broker."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

from importers import settings
from importers.doctor.celery_workers import forget
from importers.errors import BrokerDown
from importers.processes import die_with


def main() -> int:
    die_with(int(sys.argv[1]), signal.SIGTERM)
    config = settings.from_env()
    from importers.worker.celery_worker import run_worker

    try:
        return run_worker(config, concurrency=1)
    finally:
        with suppress(BrokerDown):
            forget(config)


if __name__ == "__main__":
    sys.exit(main())
