"""The export that a source holds: its files, and the records in them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers.commerceml.contents import (
    DEFINED,
    NAMES,
    WITH_OFFERS,
    certain,
    recognised,
    records_by_name,
    search_for,
    sought,
    split_in,
)
from importers.commerceml.earlier import PriceTypes
from importers.commerceml.parts import CHANGED, GONE, Part, open_part, reading, require_readable, utc_text
from importers.commerceml.places import Holder, Place, time_of, way_of
from importers.commerceml.records import Offer, Record, Rejected, Section, Seen
from importers.commerceml.scan import Scan, identities_in
from importers.commerceml.sets import in_sets, missing
from importers.commerceml.work import PartWork, Work
from importers.errors import BadFile, SourceError
from importers.identity import Identity
from importers.texts import N_, Message, plain

if TYPE_CHECKING:
    from importers.commerceml.encoding import Search

SEARCHED = 1 << 18
"""So many bytes are searched at a time: they stay in the caches of the processor."""
Batch = list[Record | Rejected]


class Export(msgspec.Struct, frozen=True):
    """A source that was opened: a folder or a .zip with at least one CommerceML file or picture."""

    path: Path
    parts: tuple[Part, ...]
    """In the order of reading: set by set, the newest at last (see `sets.py`)."""
    gaps: tuple[Message, ...]
    """Files that are missing between others, or cannot be recognised, as messages."""
    pictures: tuple[Place, ...] = ()
    """Image files: there are tens of thousands of them, and most import types want none."""
    others: tuple[Place, ...] = ()
    """All other files: a <Картинка> may name a drawing or a manual."""
    holders: tuple[Holder, ...] = ()
    """Archives that hold pictures or other files."""
    identities: dict[str, Identity] = {}
    """Every .xml and .zip that lay in the source when it was opened, and which file it was."""
    wanted: frozenset[type[Record]] = frozenset()
    """All that is going to be read of it, where that is known: whoever goes through a file seeks it in one go."""
    searched: dict[tuple[str, type[Record]], bool] = {}
    """Whether a part holds such records, of those that were sought in it."""

    def files_shown(self, *wanted: type[Record]) -> tuple[Part, ...]:
        """The files that hold wanted records, by their names and heads. There are some if `files_for` has some."""
        records = sought(frozenset(wanted))
        return tuple(part for part in self.parts if part.records & records)

    def files_for(self, *wanted: type[Record]) -> tuple[Part, ...]:
        """As `files_shown`, and those in which they were found. Raises BadFile."""
        records = sought(frozenset(wanted))
        return tuple(
            part for part in self.parts if part.records & records or self._found(part, part.unsure & records)
        )

    def _found(self, part: Part, records: Set[type[Record]]) -> bool:
        search = self._search(part, records)
        while True:
            try:
                next(search)
            except StopIteration as end:
                return bool(end.value)

    def _search(self, part: Part, records: Set[type[Record]]) -> Generator[Batch, None, bool]:
        """Whether one of the records stands anywhere in a part, or that cannot be told. An empty batch now and then."""
        known = {self.searched.get((part.name, record)) for record in records}
        if True in known or None not in known:
            return True in known
        search = self._search_in(part, records)
        with open_part(msgspec.structs.replace(part, search=search)) as file:
            while search.met.isdisjoint(records) and file.read(SEARCHED):
                yield []
        self._note(part, search)
        return not search.met.isdisjoint(records)

    def _search_in(self, part: Part, records: Set[type[Record]] = frozenset()) -> Search[type[Record]]:
        """For these records, and for all else that is going to be asked of a part and not known yet."""
        records = records | part.unsure & self.wanted
        return search_for(part, {record for record in records if (part.name, record) not in self.searched})

    def _note(self, part: Part, search: Search[type[Record]]) -> None:
        for record in search.sought if search.ended else search.met:
            self.searched[part.name, record] = record in search.met

    def holding_pictures(self) -> tuple[Part, ...]:
        """What holds the pictures: archives, or the folder."""
        return tuple(self._holding_pictures())

    def _holding_pictures(self) -> Iterator[Part]:
        ways = map(way_of, self.pictures)
        for holder in dict.fromkeys(self.holders[way.holder].path if way.holder >= 0 else "" for way in ways):
            path = Path(holder or self.path)
            with reading(Part(path.name, 0, "", frozenset(), path)):
                stat = path.stat()
            size = stat.st_size if holder else 0
            yield Part(path.name, size, utc_text(time_of(stat.st_mtime)), frozenset(), path)

    def records(
        self, *wanted: type[Record], on_progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Batch]:
        """Stream the wanted records, in batches, at constant memory.

        The `Section` of records comes before them. `on_progress(bytes done, bytes total)`. Raises BadFile: cut, wrong
        root, wrong encoding; after the last batch the source still holds the files that it held when it was opened.
        With prices or stocks are wanted price types and warehouses: of files that hold none of the former, but may
        define the latter, these are read.
        """
        work = self.work_for(*wanted)
        report = on_progress or (lambda _done, _total: None)
        yield from self.records_in(
            self.span_for(*wanted),
            *wanted,
            price_types=PriceTypes(),
            on_progress=lambda part, position: report(work.before(part, position), work.total),
        )
        self.check_unchanged()
        report(work.total, work.total)

    def work_for(self, *wanted: type[Record]) -> Work:
        """How much there is to read for wanted records: the same whenever it is asked."""
        records = sought(frozenset(wanted))
        return Work(
            PartWork.of(part.size, reads=bool(part.records & records), seeks=bool(part.unsure & records))
            for part in self.parts
        )

    def sizes_for(self, *wanted: type[Record]) -> list[int]:
        """How many bytes of each part are read for wanted records, as far as that is known."""
        records = sought(frozenset(wanted))
        return [part.size if self._may_hold(part, records) else 0 for part in self.parts]

    def span_for(self, *wanted: type[Record]) -> range:
        """The parts to go through for wanted records: all, or none."""
        records = sought(frozenset(wanted))
        return range(len(self.parts) if any(self._may_hold(part, records) for part in self.parts) else 0)

    def records_in(
        self,
        span: range,
        *wanted: type[Record],
        price_types: PriceTypes,
        on_progress: Callable[[int, int], None],
    ) -> Iterator[Batch]:
        """As `records`, of some parts that follow each other, without a look at the source as a whole.

        `price_types`: of the parts in front of these; theirs are added. `on_progress`: the number of
        the part that is read, and how many bytes of it are; at last the end of the span. Raises NeedsEarlier where
        `price_types` do not tell what is needed."""
        from importers.commerceml.reader import read_lists

        records = sought(frozenset(wanted))
        facts = DEFINED.keys() & frozenset(wanted)
        defined = frozenset(DEFINED[fact] for fact in facts) & frozenset(wanted)
        for number in span:
            part = self.parts[number]
            on_progress(number, 0)
            held = bool(part.records & records)
            if self._may_hold(part, records):
                held = held or (yield from self._search(part, part.unsure & records))
                for position, batch in self._read(part, frozenset(wanted), price_types) if held else ():
                    on_progress(number, position)
                    yield batch
            if defined and not held and records_by_name(part.name) & facts:
                yield from read_lists(part, frozenset(wanted) & {Section, *defined}, price_types)
        on_progress(span.stop, 0)

    def _may_hold(self, part: Part, records: Set[type[Record]]) -> bool:
        unsure = part.unsure & records
        return bool(part.records & records) or any(
            self.searched.get((part.name, record), True) for record in unsure
        )

    def _read(
        self, part: Part, wanted: frozenset[type[Record]], price_types: PriceTypes
    ) -> Iterator[tuple[int, Batch]]:
        from importers.commerceml.reader import read_part

        search = self._search_in(part)
        yield from read_part(msgspec.structs.replace(part, search=search), wanted, price_types)
        self._note(part, search)

    def offers_elsewhere(self, *wanted: type[Record]) -> Iterator[Batch]:
        """A `Seen` for each Предложение of the files that hold no wanted records: 3.x tells an offer in one file, its
        prices in another one and its stocks in a third."""
        from importers.commerceml.reader import read_part

        served = self.files_for(*wanted)
        for part in self.parts:
            if part not in served and part.records & WITH_OFFERS and self._found(part, {Offer}):
                for _position, batch in read_part(part, frozenset((Seen,))):
                    yield batch
        self.check_unchanged()

    def images(self) -> Mapping[str, Part]:
        """What a <Картинка> may name, see `Pictures`."""
        from importers.commerceml.pictures import Pictures

        return Pictures(self.path, (*self.pictures, *self.others), self.holders)

    def check_unchanged(self) -> None:
        """Raises BadFile where a file came, went or was changed since the export was opened: what has been read is
        not what 1C has written. One look at the folders, none into files; pictures do not matter."""
        require_unchanged(self.path, self.identities)


def require_unchanged(path: Path, before: Mapping[str, Identity]) -> None:
    """`before`: as `Export.identities`. Raises BadFile."""
    try:
        now = identities_in(path)
    except OSError as error:
        raise BadFile(GONE, error.filename or path) from error
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            raise BadFile(GONE, plain(name))
        if name not in before:
            text = N_("the file came while the export was read: 1C was still writing; import again")
            raise BadFile(text, plain(name))
        if before[name] != now[name]:
            raise BadFile(CHANGED, plain(name))


class Overview:
    """Which records a source holds, as far as that must be known before they are read: by the names of its files, and
    by their heads, one after another, where the names do not tell."""

    def __init__(self, scan: Scan) -> None:
        self.has_pictures = scan.has_pictures
        self.identities = scan.identities
        """As `Export.identities`."""
        self._named = scan.xml
        self._recognised = recognised(scan.xml, split_in(scan.xml))
        self._shown: list[Part] = []

    def has(self, *wanted: type[Record]) -> bool:
        """Whether `Export.files_shown` would have files. Raises BadFile."""
        records = sought(frozenset(wanted))
        return any(certain(part) & records for part in self._named) or any(
            part.records & records for part in self._by_heads()
        )

    def has_any(self) -> bool:
        """Whether there is anything of an export. Raises BadFile."""
        return self.has_pictures or any(certain(part) for part in self._named) or any(self._by_heads())

    def _by_heads(self) -> Iterator[Part]:
        yield from self._shown
        for part, is_of_export in self._recognised:
            if is_of_export:
                self._shown.append(part)
                yield part


@contextmanager
def overview_of(path: Path) -> Iterator[Overview]:
    """Of the source at `path`, while it is open. Raises SourceError, also for a file that cannot be read."""
    with _scanned(path, places=False) as scan:
        for part in scan.xml:
            require_readable(part)
        overview = Overview(scan)
        if not overview.has_any():
            raise _no_export(path)
        yield overview


def find_export(path: Path, wanted: frozenset[type[Record]] = frozenset()) -> Export:
    """The export at `path`; `wanted`: all that is going to be read of it, if that is known. Raises SourceError."""
    with _scanned(path) as scan:
        looked_at = list(recognised(scan.xml, split_in(scan.xml)))
    parts = [part for part, is_of_export in looked_at if is_of_export]
    unknown = [part.name for part, is_of_export in looked_at if is_of_export is None]
    if not parts and not scan.has_pictures:
        raise _no_export(path)
    sets = in_sets(parts)
    gaps = missing(
        [[part.name for part in parts] for parts in sets], unknown, sorted(scan.archives), NAMES.keys()
    )
    ordered = [
        msgspec.structs.replace(part, set=number) for number, parts in enumerate(sets, 1) for part in parts
    ]
    return Export(
        path,
        tuple(ordered),
        (*gaps, *map(_unknown, unknown)),
        tuple(scan.pictures),
        tuple(scan.others),
        tuple(scan.holders),
        scan.identities,
        wanted,
    )


@contextmanager
def _scanned(path: Path, *, places: bool = True) -> Iterator[Scan]:
    scan = Scan(path, places=places)
    try:
        scan.run()
        yield scan
    except OSError as error:
        raise SourceError(
            N_("{path}: cannot be read: {error}"), path=error.filename or path, error=error.strerror
        ) from error
    finally:
        if scan.holders:
            from importers.commerceml.archives import close_idle

            close_idle()


def _no_export(path: Path) -> SourceError:
    text = N_("{path}: holds no export of 1C (no CommerceML .xml); let 1C write it, or name another")
    return SourceError(text, path=path)


def _unknown(name: str) -> Message:
    text = N_("{name}: cannot be recognised: empty, cut, or in another encoding; let 1C write it again")
    return Message.of(text, name=name)
