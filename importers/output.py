"""What the command line prints: sessions as JSON, log lines, tables; and what happens when it cannot be printed."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from importers import texts
from importers.errors import UsageError
from importers.settings import MAIN
from importers.texts import N_, SPELLED, _, has_signs, plain, plain_json

if TYPE_CHECKING:
    from importers.sessions import Attempt, LogLine, Session, StoredReject


_SPELLED = str.maketrans(SPELLED)


class OutputLost(UsageError):
    """Standard output cannot be written. `quietly`: its reader has gone, as `head` does, and nobody need be told."""

    def __init__(self, error: OSError) -> None:
        super().__init__(N_("standard output cannot be written: {error}"), error=error.strerror or error)
        self.quietly = isinstance(error, BrokenPipeError)


class Output(io.TextIOBase):
    """sys.stdout or sys.stderr that no text is too much for: what its encoding has not is printed as "?".

    A full disk or a closed pipe raises OutputLost once, and what comes after goes nowhere. Once `is_optional` was set
    nothing is raised: a command that has more to do than to print goes on, and its exit code tells what came of it.
    """

    def __init__(self, stream: TextIO | None, *, is_optional: bool = False) -> None:
        self._stream = stream
        self.is_optional = is_optional
        self._lost = False
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return bool(self._stream and not self._lost and self._stream.isatty())

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(type(text))  # how click finds out that this is no stream of bytes
        if text and not self._lost:
            try:
                if self._stream is None:  # closed before the program began
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
                self._stream.write(self._shown(text))
            except OSError as error:
                self._lose(error)
        return len(text)

    def _shown(self, text: str) -> str:
        """A terminal that has letters only gets no signs."""
        return text if has_signs() or not self.isatty() else text.translate(_SPELLED)

    def flush(self) -> None:
        if self._stream and not self._lost:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self._lost = True
        if self._stream:  # it would try again at exit, and complain
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        lost = OutputLost(error)
        if not self.is_optional:
            raise lost
        if self is sys.stdout:
            print_line(_("Error: {message}").format(message=lost), err=True)


def guard() -> None:
    """Let the standard streams be safe to print to."""
    if not isinstance(sys.stdout, Output):
        sys.stdout = Output(sys.stdout)
        sys.stderr = Output(sys.stderr, is_optional=True)


def go_on() -> None:
    """From here on the command has a result that does not hang on what can be printed."""
    if isinstance(sys.stdout, Output):
        sys.stdout.is_optional = True


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line, at once and plain, whatever is in it."""
    print(plain(text), file=sys.stderr if err else sys.stdout, flush=True)


def write(text: str, *, err: bool) -> None:
    """For what moves the cursor or has colours; whatever comes from elsewhere in it must be `plain`."""
    stream = sys.stderr if err else sys.stdout
    stream.write(text)
    stream.flush()


def session_json(session: Session) -> dict[str, Any]:
    """A session as `show --json` and `import --json` print it (docs/guarantees.md, "What scripts hold on to"). `shop`,
    `source_host` and `waiting` are there where they tell something that is not so with one shop on one machine."""
    told = {
        "shop": session.shop if session.shop != MAIN else None,
        "source_host": session.source_host if session.source_host != session.host else None,
        "waiting": str(session.waiting) if session.waiting else None,
    }
    return {
        "id": session.id,
        "request_id": session.request_id,
        "task_id": session.task_id,
        "type": session.type,
        "kinds": list(session.kinds),
        "status": session.status.value,
        "source": session.source,
        "operator": session.operator,
        "host": session.host,
        "created_at": session.created_at,
        "started_at": session.started_at,
        "finished_at": session.finished_at,
        "counts": msgspec.to_builtins(session.counts),
        "by_kind": {kind: msgspec.to_builtins(counts) for kind, counts in session.by_kind.items()},
        "error": str(session.error) if session.error else None,
        **{name: value for name, value in told.items() if value is not None},
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """An attempt as `attempts --json` prints it: its reason as the journal stores it, for scripts in any language."""
    reason = attempt.reason
    fields = msgspec.to_builtins(attempt)
    del fields["id"]  # to find more of them in the journal, and for nothing else
    if attempt.shop == MAIN:
        del fields["shop"]
    if not attempt.dry_run:
        del fields["dry_run"]
    return {
        **fields,
        "reason": reason.text if reason else None,
        "reason_args": reason.args if reason else {},
    }


REJECT_COLUMNS = ("kind", "file", "line", "id", "reason", "fragment")


def reject_row(reject: StoredReject) -> tuple[str, str, int | None, str, str, str]:
    """As REJECT_COLUMNS."""
    reason = texts.render(reject.reason, reject.args)
    return reject.kind, reject.file, reject.line, reject.record_id, reason, reject.fragment


LEVELS = {"warning": N_("WARNING"), "error": N_("ERROR")}


def log_parts(line: LogLine) -> tuple[str, str, str]:
    """Time on the reader's clock, level and text; the level is named only where it is not info."""
    level = _(LEVELS[line.level]) if line.level in LEVELS else ""
    return texts.clock_of(line.at), level, plain(texts.render(line.message, line.args))


def log_line(line: LogLine) -> str:
    """`10:31:05+03:00 WARNING text`."""
    return " ".join(filter(None, log_parts(line)))


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]], none: str = "") -> None:
    """A line a row; on a terminal that is narrower what has no room stands below, indented. Nothing is cut there.
    `none`: what a terminal shows in place of a head without rows."""
    cells = [
        head,
        *(["" if value is None else plain(texts.shorten(str(value))) for value in row] for row in rows),
    ]
    widths = [max(map(texts.width, column)) for column in zip(*cells, strict=True)]
    room = _room()
    if room and none and len(cells) == 1:
        print_line(none)
        return
    if room and _taken(widths) > room:
        told = [
            n for n in range(len(head)) if any(row[n] for row in cells[1:])
        ]  # of the others nothing is missed
        cells, widths = [[row[n] for n in told] for row in cells], [widths[n] for n in told]
    spans = _spans(widths, room) if room else [range(len(widths))]
    for row in cells:
        for span in spans:
            indent = FOLDED if span.start else ""
            text = "  ".join(row[n] + " " * (widths[n] - texts.width(row[n])) for n in span).rstrip()
            if span.start and room and len(span) == 1:
                for line in textwrap.wrap(text, max(room - len(indent), 1)):
                    print_line(indent + line)
            elif text or not span.start:
                print_line(indent + text)


FOLDED = "    "


def _room() -> int:
    """Columns of the terminal that is printed to; 0: it is none, or does not say."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    except OSError:
        return 0


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _spans(widths: Sequence[int], room: int) -> list[range]:
    """Columns that stand side by side, line by line."""
    spans, start = [], 0
    while start < len(widths):
        stop, indent = start + 1, len(FOLDED) if start else 0
        while stop < len(widths) and indent + _taken(widths[start : stop + 1]) <= room:
            stop += 1
        spans.append(range(start, stop))
        start = stop
    return spans


def print_json(value: object) -> None:
    """Whatever the encoding of the output and the text are: JSON can escape each."""
    import json  # here: most commands print none

    value = msgspec.to_builtins(value)
    text = plain_json(json.dumps(value, ensure_ascii=False, indent=2))
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    write_csv(sys.stdout, [head])
    write_csv(sys.stdout, rows)
    sys.stdout.flush()


def write_csv(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """For a spreadsheet: none of its cells is taken for a formula, whatever it takes for the separator."""
    writer = csv.writer(file)
    for row in rows:
        writer.writerow([_cell(value) if isinstance(value, str) else value for value in row])


FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a cell that a spreadsheet computes begins with."""


_INNER = re.compile(r"""([;\t\r\n])(?=(?:[^\S\t\r\n]|")*[=+\-@＝＋－＠])""")
"""Where a cell would begin if not the comma separates them: in a Russian Excel it is the semicolon."""


def _cell(value: str) -> str:
    """An apostrophe before whatever would be a formula; nothing is left out."""
    begins = value.startswith(FORMULA) or value.lstrip().startswith(FORMULA)
    return plain(("'" if begins else "") + _INNER.sub(r"\1'", value))
