"""Celery's pool of processes, where the next session never waits for the end of the last one's process."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool


class PromptPool(AsynPool):
    def _event_process_exit(self, hub: Any, proc: Any) -> None:
        """What is watched closes a moment before the process can be waited for. Whoever looks in between finds it
        running, and looks again after 5 seconds only: so long there is nobody who takes a session."""
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, proc.pid, os.WEXITED | os.WNOWAIT)
        super()._event_process_exit(hub, proc)  # type: ignore[misc]  # its types lack it


class PromptTaskPool(TaskPool):
    Pool = PromptPool
