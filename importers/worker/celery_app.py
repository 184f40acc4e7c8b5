"""For Celery's own command: `celery -A importers.worker.celery_app worker` works as `obmen worker` does.

The settings are those in force where it is started.
"""

from __future__ import annotations

from typing import Any

from celery.signals import worker_init

from importers.errors import BrokerRefuses
from importers.settings import load
from importers.worker.celery_dispatch import require_account
from importers.worker.celery_engine import make_app
from importers.worker.celery_worker import prepare

_settings = load()
app = make_app(_settings)
prepare(_settings)


@worker_init.connect(weak=False)
def refuse_to_start(**_of_signal: Any) -> None:
    try:
        require_account(_settings)
    except BrokerRefuses as error:
        raise SystemExit(str(error)) from None
