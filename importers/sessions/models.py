"""The journal's words: sessions, attempts, events, and the states a session moves through.

started ──claim──► in_progress ──► completed
   │                 │   │  └────► failed
   │                 │   └─cancel─► cancelling ──► cancelled (or completed, if the commit was faster)
   └─cancel─► cancelled
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from importers.events import Counts, Options
from importers.processes import WorkerProcess
from importers.settings import MAIN
from importers.texts import N_, Message


class Status(StrEnum):
    STARTED = "started"
    IN_PROGRESS = "in_progress"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
ACTIVE = frozenset(Status) - FINAL
CANCELLED_BY = N_("Cancelled by {operator}; the catalog is as before")
WAS_DRY_RUN = N_("it was a dry run; its session was deleted since")
"""The reason of an attempt whose session, gone now, can no longer tell that."""


Level = Literal["info", "warning", "error"]


class Outcome(StrEnum):
    CREATED = "created"
    JOINED = "joined"
    REPLAYED = "replayed"
    MISMATCH = "mismatch"
    REFUSED = "refused"
    ERROR = "error"


class Session(msgspec.Struct, frozen=True):
    """One row of the journal. Times are UTC, ISO 8601 with a `Z`, to the millisecond."""

    id: int
    request_id: str
    task_id: str
    kinds: tuple[str, ...]
    status: Status
    source: str
    target: str
    operator: str
    host: str
    created_at: str
    options: Options = Options()
    started_at: str | None = None
    finished_at: str | None = None
    by_kind: dict[str, Counts] = {}
    done: int = 0
    total: int = 0
    """Progress of the whole session, in the unit of the stage; total 0 = not known yet."""
    running_kind: str | None = None
    error: Message | None = None
    owner: str | None = None
    """The worker, or who is about to start it: "host:pid"."""
    fence: int = 0
    shop: str = MAIN
    """The name of the shop in the settings of whoever launched it."""
    source_host: str | None = None
    """The only host that sees the source; None: all workers do."""
    source_print: str = ""
    """Equal where the same files are."""
    upload: str | None = None
    """The name under which the source was sent along."""
    waiting: Message | None = None
    """Why no worker has it yet."""

    @property
    def type(self) -> str:
        """The first selected kind, in the order selected."""
        return self.kinds[0]

    @property
    def counts(self) -> Counts:
        total = Counts()
        for counts in self.by_kind.values():
            total += counts
        return total


class Attempt(msgspec.Struct, frozen=True):
    """One confirm, whatever came of it. `outcome` None: the launching process died before it knew."""

    request_id: str
    idempotency_key: str
    kinds: tuple[str, ...]
    source: str
    target: str
    """The address of the catalog, as people may see it."""
    operator: str
    host: str
    pid: int
    at: str = ""
    """When it began; the journal tells, see `begin_attempt`."""
    outcome: Outcome | None = None
    session_id: int | None = None
    lock: str | None = None
    """What the launch lock did: acquired | busy | unavailable | off."""
    reason: Message | None = None
    shop: str = MAIN
    id: int = 0
    """The journal's, growing; 0: it is not kept yet."""
    dry_run: bool = False
    """Whether the session that it made only tries, or did before it was deleted. The journal tells."""


class LogLine(msgspec.Struct, frozen=True):
    """One stored event of a session. `id` grows; ask for `after=id` to follow.

    `type`: "log" for lines; "received" once per session, when a worker claims it; "cancel" when somebody asks for that;
    "summary" at the end.
    """

    id: int
    session_id: int
    at: str
    type: str
    level: str
    message: str
    args: dict[str, str | int] = {}


class StoredReject(msgspec.Struct, frozen=True):
    id: int
    session_id: int
    kind: str
    file: str
    line: int | None
    record_id: str
    reason: str
    args: dict[str, str] = {}
    fragment: str = ""


class NewSession(msgspec.Struct, frozen=True):
    """A session that a launch wants to make."""

    request_id: str
    idempotency_key: str
    params_hash: str
    task_id: str
    kinds: tuple[str, ...]
    source: str
    options: Options
    target: str
    operator: str
    host: str
    source_host: str | None = None
    source_print: str = ""
    upload: str | None = None
    shop: str = MAIN
    again: int = 0
    """The session that is to be repeated, 0 for none: it, and what was before it, is no double press of this."""

    @property
    def seen_at(self) -> str:
        """Where the path of the source leads to the same files: on a host, on all ("" then), or nowhere else."""
        return self.source_print if self.upload else self.source_host or ""


class Known(msgspec.Struct, frozen=True):
    """What a session told, and would tell again."""

    key: str
    """Of what, and how: equal for equal sessions only."""
    state: str
    """That of the catalog after it."""
    told: str


class ActiveSession(msgspec.Struct, frozen=True):
    """An active session as the reaper sees it."""

    session: Session
    owner: WorkerProcess | None
    lease_over: bool
    dispatched: bool
    age: float
    """Seconds since it was dispatched, or made."""
    dispatches: int
    retries: int
