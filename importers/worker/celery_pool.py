"""What obmen's guarantees need of Celery's own classes: the pool of processes, and what takes messages."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool
from celery.signals import worker_process_init
from celery.worker.consumer import Consumer

from importers.processes import leave_signals_to_parent
from importers.worker.celery_signals import drain_on_signals


class PromptPool(AsynPool):
    """The next session never waits for the end of the last one's process."""

    def _event_process_exit(self, hub: Any, proc: Any) -> None:
        """What is watched closes a moment before the process can be waited for. Whoever looks in between finds it
        running, and looks again after 5 seconds only: so long there is nobody who takes a session."""
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, proc.pid, os.WEXITED | os.WNOWAIT)
        super()._event_process_exit(hub, proc)  # type: ignore[misc]  # its types lack it


class PromptTaskPool(TaskPool):
    Pool = PromptPool

    def on_start(self) -> None:
        """Celery's handlers are there now, the processes not yet, which Celery has killed with the worker."""
        drain_on_signals()
        worker_process_init.connect(_begin_process)
        super().on_start()


def _begin_process(**_of_signal: Any) -> None:
    leave_signals_to_parent()


class QuietConsumer(Consumer):
    """Workers need not know of each other."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, without_gossip=True, without_mingle=True)
