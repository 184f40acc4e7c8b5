"""For Celery's own command: `celery -A importers.worker.celery_app worker` works as `obmen worker` does.

The settings are those in force where it is started.
"""

from __future__ import annotations

from importers.settings import load
from importers.worker.celery_engine import make_app
from importers.worker.celery_worker import prepare

_settings = load()
app = make_app(_settings)
prepare(_settings)
