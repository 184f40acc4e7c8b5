"""One measure of a session: what is done of all that there is to do, over all import types, reading and merging.

The plan is made before anything is read and stays; what is done of each piece of it only grows. So the sum does.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from importers.events import Counted, Event, Progress
from importers.kinds.registry import reads_of, reads_pictures, records_of
from importers.sessions.details import KindStanding, Standing

if TYPE_CHECKING:
    from importers.commerceml import Export
    from importers.kinds.protocol import Kind

WHOLE = 10_000
"""The measure in the journal, where it is a whole number."""
COMMIT = 0.01
"""What is left when all import types are through."""
READING, COPYING = 0.7, 0.95
"""Which share of an import type's work is reading: of XML, and of pictures."""
BYTES_A_PICTURE = 50_000
"""A picture takes as long as so much XML."""
LATELY = 5.0
"""Rates are those of so many seconds."""
ENOUGH = 1.0, 0.01
"""After so many seconds, and so much work, the time left can be estimated."""
CALM = 0.25
"""So much of a new estimate goes into the one that is told."""
MOST_RATES = 60
FIRST_STEP = 0.5
Amount = TypeVar("Amount", int, float)


class Piece(NamedTuple):
    """The work of one import type."""

    weight: int
    """In bytes of XML, against those of the others."""
    reading: float


Ahead = Callable[[], Mapping[str, tuple[float, int]]]
"""Which share of import types is read before their turn, and the records of it."""


def plan_of(export: Export, kinds: Mapping[str, Kind]) -> dict[str, Piece]:
    plan = {}
    for kind, module in kinds.items():
        if reads_pictures(kind):
            plan[kind] = Piece(len(export.pictures) * BYTES_A_PICTURE, COPYING)
        else:
            reads = reads_of(kind, module)
            work = export.work_for(*(reads.wanted if reads else records_of(kind)))
            plan[kind] = Piece(round(work.total / READING), READING)
    return plan


class Measure:
    """`clock`: seconds."""

    def __init__(self, plan: Mapping[str, Piece], clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self.ahead: Ahead = dict
        self._clock = clock
        self._read = dict.fromkeys(plan, 0.0)
        self._merged = dict.fromkeys(plan, 0.0)
        self._records = dict.fromkeys(plan, 0)
        self._last: Progress | None = None
        self._done = False
        self._share = 0.0
        self._pace = _Pace(clock())

    def observe(self, event: Event) -> None:
        """What an import type tells of itself."""
        if isinstance(event, Progress) and event.kind in self._plan:
            self._last = event
            share = min(event.done / event.total, 1.0) if event.total else 0.0
            if event.stage == "read":
                self._reads(event.kind, share, event.records)
            else:
                self._reads(event.kind, 1.0, event.records)
                _raise(self._merged, event.kind, share)
        elif isinstance(event, Counted) and event.kind in self._plan:
            self._last = None
            self._reads(event.kind, 1.0, 0)
            self._merged[event.kind] = 1.0

    def done(self) -> None:
        """It is committed."""
        self._done = True

    def standing(self) -> Standing:
        """To be asked a few times a second."""
        for kind, ahead in self.ahead().items():
            self._reads(kind, *ahead)
        now = self._clock()
        self._share = max(self._share, self._sum())
        self._pace.note(now, self._handled(), self._share)
        through = all(share == 1.0 for share in self._merged.values())
        return Standing(
            share=self._share,
            kind=self._last.kind if self._last else None,
            stage="" if self._done else "commit" if through else self._last.stage if self._last else "",
            file=self._last.file if self._last else "",
            records=sum(self._records.values()),
            rate=self._pace.rate,
            seconds_left=0.0 if self._done else self._pace.seconds_left,
            kinds={
                kind: KindStanding(self._read[kind], self._merged[kind], self._records[kind])
                for kind in self._plan
            },
            rates=self._pace.rates,
            step=self._pace.step,
            reading=self._last.reading if self._last else {},
        )

    def _reads(self, kind: str, share: float, records: int) -> None:
        _raise(self._read, kind, share)
        _raise(self._records, kind, records)

    def _handled(self) -> int:
        """Records: of one that is read the share that reading is of its work, all of it when it is merged, too."""
        return round(
            sum(
                self._records[kind] * (piece.reading + (1 - piece.reading) * self._merged[kind])
                for kind, piece in self._plan.items()
            )
        )

    def _sum(self) -> float:
        if self._done or not self._plan:
            return float(self._done)
        weights = {kind: max(piece.weight, 1) for kind, piece in self._plan.items()}
        work = sum(
            weights[kind] * (piece.reading * self._read[kind] + (1 - piece.reading) * self._merged[kind])
            for kind, piece in self._plan.items()
        )
        return (1 - COMMIT) * work / sum(weights.values())


class _Pace:
    """How fast it goes."""

    def __init__(self, now: float) -> None:
        self._began = self._at = now
        self._lately = deque([(now, 0, 0.0)])
        self._handled = 0
        self._by_step = [0]
        self.step = FIRST_STEP
        self.rate = 0.0
        self.seconds_left: float | None = None

    def note(self, now: float, handled: int, share: float) -> None:
        self._note_step(now, handled)
        self._lately.append((now, handled, share))
        while len(self._lately) > 2 and now - self._lately[1][0] >= LATELY:
            self._lately.popleft()
        then, handled_then, share_then = self._lately[0]
        if now > then:
            self.rate = (handled - handled_then) / (now - then)
            self._estimate(now, share, (share - share_then) / (now - then))
        self._handled, self._at = handled, now

    @property
    def rates(self) -> tuple[float, ...]:
        return tuple(round(handled / self.step, 1) for handled in self._by_step)

    def _estimate(self, now: float, share: float, speed_lately: float) -> None:
        """From how it went all the time and how it goes lately; the last estimate fades away."""
        seconds, least = ENOUGH
        if now - self._began < seconds or share < least:
            return
        speed = (share / (now - self._began) + speed_lately) / 2
        estimate = (1 - share) / speed
        if self.seconds_left is not None:
            expected = max(self.seconds_left - (now - self._at), 0.0)
            estimate = expected + CALM * (estimate - expected)
        self.seconds_left = round(estimate, 1)

    def _note_step(self, now: float, handled: int) -> None:
        """What was handled since the last time, in the step of now; where steps become many, two are made one."""
        at = int((now - self._began) / self.step)
        while at >= MOST_RATES:
            self._by_step = [sum(self._by_step[n : n + 2]) for n in range(0, len(self._by_step), 2)]
            self.step *= 2
            at = int((now - self._began) / self.step)
        self._by_step += [0] * (at + 1 - len(self._by_step))
        self._by_step[at] += handled - self._handled


def _raise(values: dict[str, Amount], kind: str, value: Amount) -> None:
    """Never down: who does something once more is no further before he has come to where that was."""
    values[kind] = max(values[kind], value)
