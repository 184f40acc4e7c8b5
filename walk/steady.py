"""Pictures that are the same on every machine and day: times, ids, names and folders of this one are replaced."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import replace

from walk.cells import Cell, Row

FOLDER = "1c-"
"""How the folder of a walk begins; eight characters follow."""
HOST = re.escape(socket.gethostname())
TASK = "7058ebfe-9cc7-478f-9f12-3c7f776c4ff0"
ALWAYS = [
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"/tmp/1c-\w{8}", "/srv/1c-exchange"),
        (r"\S+/bin/python[\d.]*", "/opt/obmen/bin/python3"),
        (r"\d+ MB(?= free| свободно)", "52000 MB"),
        (rf"{HOST}:\d+", "shop:4711"),
        (rf"\w+@{HOST}", "anna@shop"),
        (rf"(?<=  ){HOST}(?=\s*$)", "shop"),
        (r"\d{4}-\d\d-\d\d", "2026-03-14"),
        (r"\d\d\.\d\d\.\d{4}", "14.03.2026"),
        (r"(?<![\d-])\d\d-\d\d(?= \d\d:)", "03-14"),
        (r"(?<![\d.])\d\d\.\d\d(?= \d\d:)", "14.03"),
        (r"(?<!\d)\d\d:\d\d:\d\d", "09:30:00"),
        (r"(?<![\d:])\d\d:\d\d(?![\d:])", "09:30"),
        (r"\b\d+ (?=min\b|мин\b)", "5 "),
        (r"\b\d+\.\d(?= s\b)", "0.8"),
        (r"\b\d+,\d(?= с\b)", "0,8"),
        (r"(?<= )\d\.\d(?=\s*$)", "0.1"),
        (r"(?<= )\d,\d(?=\s*$)", "0,1"),
        (r"(?<=, )[\d\xa0 ]+(?= records/s| зап\./с)", "20 000"),
        (r"(?<=\w  )[▁▂▃▄▅▆▇█]+(?=\s*$)", "▃▅▇█"),
        (r"\d+%", "58%"),
        (r"(?:(?<=ID: )|(?<= {4}))[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", TASK),
    )
]
REQUEST = re.compile(r"(?<![\w-])[0-9a-f]{8}(?![\w-])")


class Steady:
    """For the frames of one walk: the same request gets the same id in all of them."""

    def __init__(self, operator: str) -> None:
        self._requests: dict[str, str] = {}
        self._replaced = [*ALWAYS, (re.compile(rf"(?<=· ){re.escape(operator)}\b"), "anna")]

    def rows(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(self._row(row) for row in rows)

    def _row(self, row: Row) -> Row:
        for pattern, shown in self._replaced:
            row = _replace(row, pattern, shown)
        for found in REQUEST.findall(_text(row)):
            number = len(self._requests) + 1
            known = self._requests.setdefault(found, f"{number * 0x9E3779B1 % 2**32:08x}")
            row = _replace(row, re.compile(re.escape(found)), known)
        return row


def _text(row: Row) -> str:
    """One character a cell, so that places in it are cells."""
    return "".join(cell.text[:1] or "\0" for cell in row)


def _replace(row: Row, pattern: re.Pattern[str], shown: str) -> Row:
    """What stands behind the next gap stays where it is."""
    for match in reversed(list(pattern.finditer(_text(row)))):
        start, end = match.span()
        cells = [replace(row[start], text=character) for character in shown]
        rest = list(row[end:])
        more = len(cells) - (end - start)
        blanks = [" "] * (2 + max(more, 0))
        texts = [cell.text for cell in rest]
        gap = next((at for at in range(len(rest)) if texts[at : at + len(blanks)] == blanks), len(rest))
        if more < 0:
            rest[gap:gap] = [Cell(look=(rest[gap] if gap < len(rest) else row[-1]).look)] * -more
        del rest[gap : gap + max(more, 0)]
        row = (*row[:start], *cells, *rest)[: len(row)]
    return row
