"""In which order the files of an export are read: set by set, the older first, so that the newer has the last word.

A *set* is what one run of 1C wrote of one list: the parts `goods_1_1_<guid>`, `goods_1_2_<guid>`, … of a package (same
letters, same catalog; every part has a guid of its own), or `import0_1`, `import0_2`, in one folder or several, packed
or not. A file without the number of a part (`import.xml`, `prices___<guid>.xml`) is a set by itself, unless it lies in
an archive that has one (`v8_1A2B_3.zip`). One number told twice makes two sets. So does a part that was made well
before a part of a lower number: that one was overwritten since.

A set is as old as its newest part, by `ДатаФормирования`, else by the time of the file; where these are the same, goods
come before offers and the older file before the newer one. In a set, parts are in the order of their numbers.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.commerceml.parts import Part

SLACK = 60
"""Seconds by which the dates of parts may contradict their numbers: 1C may write several at once."""
OFFERS = ("offers", "prices", "rests")

_GUID = r"(?=[0-9-]*[a-f])[0-9a-f-]+"
_OF_CATALOG = re.compile(
    rf"([^\W\d_]+)(_?)(0|[1-9][0-9]{{0,2}})_(0|[1-9][0-9]{{0,3}})(?:_({_GUID}))?", re.IGNORECASE
)
_SINGLE = re.compile(rf"([^\W\d_]*_?)(0|[1-9][0-9]{{0,2}})(?:_{_GUID})?", re.IGNORECASE)
_TEMPORARY = re.compile(r"(v8_[0-9a-f]+_)([0-9a-f]{1,8})(?=\.zip|$)", re.IGNORECASE)
"""How 1C names an archive: by a counter of its temporary files, in hexadecimal."""
_DIGITS = re.compile(r"([0-9]+)")
_MADE = re.compile(r"""<[^<>]*КоммерческаяИнформация\s[^<>]*?ДатаФормирования\s*=\s*["']([^"'<>]*)["']""")
_DATE = re.compile(
    r"(?:(?P<year>\d{4})\D?(?P<month>\d\d?)\D?(?P<day>\d\d?)|(?P<d>\d\d?)\D(?P<m>\d\d?)\D(?P<y>\d{4}))"
    r"(?:\D*?(?P<hour>\d\d?)\D?(?P<minute>\d\d)(?:\D?(?P<second>\d\d))?)?"
)


class Numbered(NamedTuple):
    """The number that the name of a part tells."""

    before: str
    """What stands before it, as it is written: `prices_1_`, `import0_`, `import_`."""
    number: int
    catalog: tuple[str, int] | None
    """(letters, number) where the number counts the parts of a catalog."""
    sure: bool
    """1C gives such names; another may be a date, and must begin at 1 to have gaps."""


def numbered(stem: str) -> Numbered | None:
    """`import0_1`, `goods_1_2_<guid>`, `import_3`, `3`. Not `offers_05_12`, `import_2024_05`: these are dates; of
    `rests_1_2` nobody knows, its numbers tell an order and nothing else."""
    if match := _OF_CATALOG.fullmatch(stem):
        letters, sign, catalog, part, guid = match.groups()
        return Numbered(
            f"{letters}{sign}{catalog}_", int(part), (letters + sign, int(catalog)), not sign or bool(guid)
        )
    if match := _SINGLE.fullmatch(stem):
        return Numbered(match[1], int(match[2]), None, True)
    return None


def made_in(head: str) -> str:
    """`ДатаФормирования` in the beginning of a file, as `2024-05-31T08:00:00`; "" where there is none.

    As it stands on the clock of 1C: it nearly never tells a zone.
    """
    written = _MADE.search(head)
    match = _DATE.match(written[1].strip()) if written else None
    if match is None:
        return ""
    year, month, day = (int(match[name] or match[name[0]]) for name in ("year", "month", "day"))
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    try:
        made = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return ""
    return f"{made:%Y-%m-%dT%H:%M:%S}" if made.year > 1 else ""  # 1C writes 0001-01-01 for "not set"


def sort_key(name: str) -> list[tuple[str, int, str]]:
    """Names sort by the numbers in them, not by text: rests_1_10 after rests_1_9."""
    name = _TEMPORARY.sub(lambda match: match[1] + str(int(match[2], 16)), name.lower())
    pieces = _DIGITS.split(name)
    numbers = [piece.lstrip("0") for piece in pieces[1::2]]
    return [*zip(pieces[::2], map(len, numbers), numbers, strict=False), (pieces[-1], 0, "")]


def in_sets(parts: Iterable[Part]) -> list[list[Part]]:
    """The sets that the parts make, in the order of reading."""
    families: dict[tuple[str, ...], list[tuple[int, Part]]] = defaultdict(list)
    sets: list[list[Part]] = []
    for part in parts:
        if place := _place(part.name):
            families[place[0]].append((place[1], part))
        else:
            sets.append([part])
    for family in families.values():
        sets += _split(family)
    return sorted(sets, key=_age)


def _place(name: str) -> tuple[tuple[str, ...], int] | None:
    """(family, number) of a part: files of one family are of one set where nothing speaks against it."""
    path = PurePosixPath(name)
    if numbering := numbered(path.stem):
        return (numbering.before.lower(),), numbering.number
    for folder in reversed(path.parts[:-1]):
        if folder.lower().endswith(".zip"):
            if match := _TEMPORARY.match(folder):
                return (match[1].lower(), path.stem.lower()), int(match[2], 16)
            if numbering := numbered(folder[: -len(".zip")]):
                return (numbering.before.lower(), path.stem.lower()), numbering.number
    return None


def _age(parts: Sequence[Part]) -> tuple[str, bool, str, list[tuple[str, int, str]]]:
    newest = max(parts, key=lambda part: (_moment(part), part.modified))
    name = parts[0].name
    of_offers = PurePosixPath(name).name.lower().startswith(OFFERS)
    return _moment(newest), of_offers, newest.modified, sort_key(name)


def _moment(part: Part) -> str:
    return part.made or part.modified.removesuffix("Z")


class _Set:
    """A set that grows, in the order in which its parts were made."""

    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}
        self.newest = 0.0
        self._made: list[float] = []
        self._highest: list[int] = []
        """The highest number among the parts that were made until then."""

    def may_have(self, number: int, part: Part) -> bool:
        older = bisect_left(self._made, _seconds(part) - SLACK) if part.made else 0
        return number not in self.parts and (not older or self._highest[older - 1] < number)

    def add(self, number: int, part: Part) -> None:
        self.parts[number] = part
        self.newest = _seconds(part)
        if part.made:
            self._made.append(self.newest)
            self._highest.append(max([number, *self._highest[-1:]]))


def _split(family: list[tuple[int, Part]]) -> list[list[Part]]:
    family.sort(key=lambda one: (_moment(one[1]), one[1].modified, sort_key(one[1].name)))
    sets: list[_Set] = []
    for number, part in family:
        for known in _open(sets, _seconds(part)):
            if known.may_have(number, part):
                known.add(number, part)
                break
        else:
            sets.append(_Set())
            sets[-1].add(number, part)
    return [[part for _number, part in sorted(one.parts.items())] for one in sets]


def _open(sets: list[_Set], now: float) -> Iterator[_Set]:
    """The sets that a part made now may be of: the last one, and those that were written at the same time."""
    for known in reversed(sets):
        if known is not sets[-1] and known.newest < now - SLACK:
            return
        yield known


def _seconds(part: Part) -> float:
    return datetime.fromisoformat(f"{_moment(part)}+00:00").timestamp()


def missing(
    sets: Iterable[Iterable[str]], others: Iterable[str], archives: Iterable[str], in_package: Set[str]
) -> list[Message]:
    """Messages for the numbers that are missing in `prices_1_1…, prices_1_3…`, `import0_1, import2_1`, `import_1,
    import_3`.

    `sets`: the names of their parts, in the order of reading; `others`: names that may be of the export; `in_package`:
    the letters of lists of which a catalog may have none. Parts begin at 1, other numbers at 0 or 1: what does not is
    a date or the like. An older set cannot fill the gaps of the newest one.
    """
    together: dict[tuple[str, str], set[int]] = defaultdict(set)
    newest: dict[tuple[str, str], set[int]] = {}
    for names in (*sets, others):
        of_set: dict[tuple[str, str], set[int]] = defaultdict(set)
        for name in names:
            numbering = numbered(PurePosixPath(name).stem)
            if not numbering:
                continue
            letters, catalog = numbering.catalog or ("", 0)
            of_package = letters.rstrip("_").lower() in in_package
            if numbering.sure or of_package:
                of_set[numbering.before, ""].add(numbering.number)
            if numbering.sure and numbering.catalog:
                together[numbering.before, ""].add(0)
                if not letters.endswith("_") and not of_package:
                    together[letters, "_…"].add(catalog)
        for key, numbers in of_set.items():
            together[key] |= numbers
            newest[key] = numbers | newest[key] if names is others and key in newest else numbers
    for name in archives:
        numbering = numbered(PurePosixPath(name).stem)
        if numbering and not numbering.catalog:
            together[numbering.before, ".zip"].add(numbering.number)
    gaps: dict[str, None] = {}
    for counted in (together, newest):
        for (before, behind), numbers in counted.items():
            for number in range(min(numbers), max(numbers)) if min(numbers) <= 1 else ():
                if number not in numbers:
                    gaps[f"{before}{number}{behind}"] = None
    return [Message.of(N_("{name}: this part is missing"), name=name) for name in gaps]
