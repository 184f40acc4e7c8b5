"""For Celery's own command: `celery -A importers.worker.celery_app worker` works as `obmen worker` does.

The settings are those in force where it is started.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import celeryd_init

from importers import texts
from importers.errors import ObmenError
from importers.settings import load
from importers.worker.celery_dispatch import require_usable
from importers.worker.celery_engine import make_app
from importers.worker.celery_worker import prepare


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """Celery would show a traceback."""
    try:
        yield
    except ObmenError as error:
        print(error, file=sys.stderr)  # noqa: T201 (a command's)
        sys.exit(error.exit_code)


with _errors_in_one_line():
    _settings = load()
    texts.use(_settings.language)
    app = make_app(_settings)


@celeryd_init.connect
def _check(**_of_signal: Any) -> None:
    """Before a worker begins."""
    with _errors_in_one_line():
        asyncio.run(require_usable(_settings))


prepare(_settings)
