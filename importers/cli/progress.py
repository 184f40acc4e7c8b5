"""How far a session is, in one line: of what a journal tells, as wide as there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from importers import texts
from importers.cli.live import Live
from importers.kinds.registry import title_of
from importers.output import log_parts, print_line, write
from importers.sessions.details import Standing as Measured
from importers.texts import N_, _
from importers.words import bar, now_text, number, span

if TYPE_CHECKING:
    from importers.sessions import Journal, LogLine, Session

LEAST_BAR, LARGEST_BAR = 6, 30
TILDE = "~"
"""Where the line is cut, also in ASCII."""
GREEN, YELLOW, RED, DIM = "32", "33", "1;31", "2"
LEVEL_COLOURS = {"warning": YELLOW, "error": RED}
STATES = {"started": N_("waiting for a worker"), "cancelling": N_("cancelling")}


class Standing(NamedTuple):
    share: float | None
    """0 to 1; None: not known yet."""
    state: str
    """What happens now, in words; "" where nothing is known."""
    rate: float | None = None
    """Records a second."""
    seconds_left: float | None = None
    rejected: int = 0


class Course:
    """Asks the journal how far a session is."""

    def __init__(self, journal: Journal, session_id: int) -> None:
        self._journal = journal
        self._id = session_id
        self._last_reject = self._rejected = 0

    async def standing(self) -> Standing:
        session = await self._journal.session(self._id)
        told = await self._journal.detail(self._id, Measured)
        return Standing(
            share=session.done / session.total if session.total else None,
            state=_state_of(session),
            rate=told.rate if told else None,
            seconds_left=told.seconds_left if told else None,
            rejected=max(await self._rejects(), session.counts.rejected),
        )

    async def _rejects(self) -> int:
        while rejects := await self._journal.rejects(self._id, after=self._last_reject):
            self._rejected += len(rejects)
            self._last_reject = rejects[-1].id
        return self._rejected


def _state_of(session: Session) -> str:
    if session.status in STATES:
        return _(STATES[session.status])
    return texts.plain(_(title_of(session.running_kind))) if session.running_kind else ""


def told_plainly(standing: Standing) -> str:
    """`22:31:05+03:00 43% Product prices, 12 400/s, 0:35 left, 3 rejected`."""
    share = "" if standing.share is None else _percent(standing).strip()
    words = [" ".join(filter(None, (share, standing.state))), _rejected(standing), *_pace(standing)]
    return f"{texts.clock_of(now_text())} {', '.join(filter(None, words))}"


def told_in(width: int, standing: Standing, *, signs: bool, colours: bool) -> str:
    """The line for a terminal of so many cells: how far, what, rejects; then, as there is room, bar and pace."""

    def painted(text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[m" if colours and text else text

    if standing.share is None:
        return texts.fitted(standing.state, width, TILDE)
    rejected = _rejected(standing)
    parts = [_percent(standing)]
    for part in (standing.state, rejected, *_pace(standing)):
        beside = 0 if part in (standing.state, rejected) else LEAST_BAR + 1  # the bar says more than the pace
        if part and beside + texts.width("  ".join([*parts, part])) <= width:
            parts.append(part)
    room = width - texts.width("  ".join(parts)) - 1
    drawn = ""
    if room >= LEAST_BAR:
        drawn = painted(bar(standing.share, min(room, LARGEST_BAR), signs=signs), GREEN) + " "
    told = [painted(part, YELLOW) if part == rejected else part for part in parts]
    return texts.fitted(parts[0], width, TILDE) if texts.width(parts[0]) > width else drawn + "  ".join(told)


def _percent(standing: Standing) -> str:
    return f"{int((standing.share or 0) * 100):3}%"


def _pace(standing: Standing) -> list[str]:
    """The most important first."""
    left, rate = standing.seconds_left, standing.rate
    return [
        "" if left is None else _("{time} left").format(time=span(int(left))),
        "" if not rate else _("{n} records/s").format(n=number(round(rate))),
    ]


def _rejected(standing: Standing) -> str:
    return _("{n} rejected").format(n=number(standing.rejected)) if standing.rejected else ""


class Teller:
    """Prints the log lines of a session, and below them how far it is."""

    def __init__(self, *, err: bool, plain: bool) -> None:
        self._err = err
        self.live = Live(err=err, plain=plain)

    def log(self, lines: list[LogLine]) -> None:
        self.live.clear()
        for line in lines:
            at, level, text = log_parts(line)
            if self.live.colours:
                colour = LEVEL_COLOURS.get(line.level, "")
                level = f"\x1b[{colour}m{level}\x1b[m" if level else ""
                at = f"\x1b[{DIM}m{at}\x1b[m"
                write(" ".join(filter(None, (at, level, text))) + "\n", err=self._err)
            else:
                print_line(" ".join(filter(None, (at, level, text))), err=self._err)

    def say(self, text: object) -> None:
        """On standard error."""
        self.live.clear()
        print_line(str(text), err=True)

    def show(self, standing: Standing) -> None:
        live = self.live
        if live.in_place:
            live.show(told_in(live.width, standing, signs=live.signs, colours=live.colours))
        elif standing.share is not None:
            live.show(told_plainly(standing))
