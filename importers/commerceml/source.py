"""Finding the files of an export: a folder or a .zip as 1C leaves it, never more than that.

Nothing outside of the source is ever opened: links that lead out, `..` and absolute names in archives are refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers.commerceml.contents import (
    DEFINED,
    NAMES,
    WITH_OFFERS,
    is_anywhere,
    recognised,
    records_by_name,
    sought,
)
from importers.commerceml.parts import CHANGED, GONE, Part, reading, utc_text
from importers.commerceml.places import (
    Holder,
    Member,
    Place,
    identity_of,
    in_archive,
    in_folder,
    refuse_depth,
    time_of,
    way_of,
)
from importers.commerceml.records import Offer, Record, Rejected, Section, Seen
from importers.commerceml.sets import in_sets, missing
from importers.errors import BadFile, SourceError
from importers.texts import N_, Message, plain

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from importers.commerceml.archives import Archive, Listing


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
    identities: dict[str, tuple[int, ...]] = {}
    """Every .xml and .zip that lay in the source when it was opened, and which file it was."""
    searched: dict[tuple[str, type[Record]], bool] = {}
    """Whether a part holds such records, of those that were searched for them."""

    def files_shown(self, *wanted: type[Record]) -> tuple[Part, ...]:
        """The files that hold wanted records, by their names and heads. There are some if `files_for` has some."""
        records = sought(frozenset(wanted))
        return tuple(part for part in self.parts if part.records & records)

    def files_for(self, *wanted: type[Record]) -> tuple[Part, ...]:
        """As `files_shown`, and those that were searched to their end for them. Raises BadFile."""
        records = sought(frozenset(wanted))
        return tuple(part for part in self.parts if part.records & records or self._search(part, records))

    def _search(self, part: Part, records: Set[type[Record]]) -> bool:
        for record in part.unsure & records:
            if (part.name, record) not in self.searched:
                self.searched[part.name, record] = is_anywhere(part, record)
            if self.searched[part.name, record]:
                return True
        return False

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
    ) -> Iterator[list[Record | Rejected]]:
        """Stream the wanted records, in batches, at constant memory.

        The `Section` of records comes before them. `on_progress(bytes done, bytes total)`. Raises BadFile: cut, wrong
        root, wrong encoding; after the last batch the source still holds the files that it held when it was opened.
        With prices or stocks are wanted price types and warehouses: of files that hold none of the former, but may
        define the latter, these are read.
        """
        from importers.commerceml.reader import read_lists, read_part

        parts = self.files_for(*wanted)
        total = sum(part.size for part in parts)
        done = 0
        price_types: set[str] = set()
        facts = DEFINED.keys() & frozenset(wanted)
        defined = frozenset(DEFINED[fact] for fact in facts) & frozenset(wanted)
        for part in self.parts if parts and defined else parts:
            if part in parts:
                for position, batch in read_part(part, frozenset(wanted), price_types):
                    if on_progress:
                        on_progress(min(done + position, total), total)
                    yield batch
                done += part.size
            elif records_by_name(part.name) & facts:
                yield from read_lists(part, frozenset(wanted) & {Section, *defined}, price_types)
        self.check_unchanged()
        if on_progress:
            on_progress(total, total)

    def offers_elsewhere(self, *wanted: type[Record]) -> Iterator[list[Record | Rejected]]:
        """A `Seen` for each Предложение of the files that hold no wanted records: 3.x tells an offer in one file, its
        prices in another one and its stocks in a third."""
        from importers.commerceml.reader import read_part

        served = self.files_for(*wanted)
        for part in self.parts:
            if part not in served and part.records & WITH_OFFERS and is_anywhere(part, Offer):
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
        try:
            now = _identities(self.path)
        except OSError as error:
            raise BadFile(GONE, error.filename or self.path) from error
        for name in sorted(self.identities.keys() | now.keys()):
            if name not in now:
                raise BadFile(GONE, plain(name))
            if name not in self.identities:
                text = N_("the file came while the export was read: 1C was still writing; import again")
                raise BadFile(text, plain(name))
            if self.identities[name] != now[name]:
                raise BadFile(CHANGED, plain(name))


def find_export(path: Path) -> Export:
    """The export at `path`. Raises SourceError."""
    scan = _Scan(path)
    try:
        scan.run()
        parts, unknown = recognised(scan.xml)
    except OSError as error:
        raise SourceError(
            N_("{path}: cannot be read: {error}"), path=error.filename or path, error=error.strerror
        ) from error
    finally:
        if scan.holders:
            from importers.commerceml.archives import close_idle

            close_idle()
    if not parts and not scan.pictures:
        raise SourceError(
            N_(
                "{path}: holds no export of 1C (no CommerceML .xml); let 1C write it, or give another --source"
            ),
            path=path,
        )
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
    )


IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
WANTED = (".xml", ".zip", *IMAGES)


def _listed(source: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files of a folder that an export may have, with their names in it. Raises SourceError for what may lead out
    of it. Not os.walk: it tells no types, and to ask for those of so many pictures takes long."""
    return _listed_in(source, "", Path(os.path.realpath(source)))


def _listed_in(folder: str | Path, below: str, home: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as listed:
        inside = sorted(listed, key=lambda entry: entry.name)
    for entry in inside:
        name = below + entry.name
        if entry.is_dir():
            _refuse_way_out(entry, home)
            if not entry.is_symlink():
                refuse_depth(name, folder)
                yield from _listed_in(entry.path, f"{name}/", home)
        elif name.lower().endswith(WANTED) and not entry.name.startswith("."):
            _refuse_way_out(entry, home)
            if not entry.is_file():
                raise SourceError(N_("{path}: is no regular file; remove it"), path=entry.path)
            yield name, entry
        elif not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
            yield name, entry


def _refuse_way_out(entry: os.DirEntry[str], home: Path) -> None:
    if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(home):
        raise SourceError(
            N_("{path}: a link that leads out of the source is not followed; copy the file"), path=entry.path
        )


def _identities(source: Path) -> dict[str, tuple[int, ...]]:
    """As `Export.identities`, now."""
    if not source.is_dir():
        return {source.name: identity_of(source.stat())}
    identities = {}
    folders: list[tuple[str | Path, str]] = [(source, "")]
    for folder, below in folders:  # and those that are met on the way
        with os.scandir(folder) as listed:
            for entry in listed:
                if entry.is_dir():
                    if not entry.is_symlink():
                        folders.append((entry.path, f"{below}{entry.name}/"))
                elif entry.name.lower().endswith((".xml", ".zip")) and not entry.name.startswith("."):
                    identities[below + entry.name] = identity_of(entry.stat())
    return identities


class _Scan:
    """A search of a source: what lies in it."""

    def __init__(self, source: Path) -> None:
        self.xml: list[Part] = []
        self.pictures: list[Place] = []
        self.others: list[Place] = []
        self.holders: list[Holder] = []
        self.archives: set[str] = set()
        """The names of archives in the source."""
        self.identities: dict[str, tuple[int, ...]] = {}
        """As `Export.identities`."""
        self._source = source
        self._root: Path | None = None

    def run(self) -> None:
        """Raises SourceError, OSError."""
        source = self._source
        if source.is_dir():
            self._root = source
            self._scan_folder(source)
        elif source.name.lower().endswith(".xml") and source.is_file():
            raise SourceError(
                N_("{path}: is one file of an export; give the folder that holds it"), path=source
            )
        elif source.is_file():
            self.identities[source.name] = identity_of(source.stat())
            self._unpack(Path(os.path.realpath(source)), source.name, "")
        else:
            raise SourceError(
                N_("{path}: there is no such folder or .zip; set source.path or --source"), path=source
            )

    def _scan_folder(self, folder: Path) -> None:
        for name, entry in _listed(folder):
            if name.lower().endswith(IMAGES):
                self.pictures.append(in_folder(name, entry.path))
            elif not name.lower().endswith(WANTED):
                self.others.append(in_folder(name, entry.path))
            else:
                stat = entry.stat()
                self.identities[name] = identity_of(stat)
                if name.lower().endswith(".zip"):
                    self.archives.add(entry.name)
                    self._unpack(Path(entry.path), name, f"{name}/")
                else:
                    self._add(name, stat.st_size, time_of(stat.st_mtime), entry.path)

    def _unpack(self, path: Path, label: str, place: str) -> None:
        """A .zip, also those that lie in it: 1C may pack each part, and the operator all of them.

        Errors name the archive by its label; the names of its files begin with its place in the source.
        """
        from importers.commerceml.archives import DAMAGED, Listing, entries, opened

        listing = Listing(label)
        try:
            with opened(path) as archive:
                number = self._add_holder(Holder(str(path), plain(place), None))
                for member, entry in entries(archive, label, WANTED, listing):
                    if not member.name.lower().endswith(".zip"):
                        self._add_member(member, entry, number)
                        continue
                    self.archives.add(member.name)
                    with opened(path, member) as inner:
                        self._unpack_nested(
                            inner, f"{label}/{member.name}", f"{place}{member.name}/", listing
                        )
        except PermissionError:
            raise
        except DAMAGED as error:
            raise SourceError(
                N_("{path}: the archive is damaged or not a .zip: {error}; copy it again"),
                path=path,
                error=error,
            ) from error

    def _unpack_nested(self, archive: Archive, label: str, place: str, listing: Listing) -> None:
        from importers.commerceml.archives import entries, nested_too_far

        number = self._add_holder(Holder(str(archive.path), plain(place), archive.nested))
        for member, entry in entries(archive, label, WANTED, listing):
            if member.name.lower().endswith(".zip"):
                raise nested_too_far(label, member.name)
            self._add_member(member, entry, number)

    def _add_holder(self, holder: Holder) -> int:
        self.holders.append(holder)
        return len(self.holders) - 1

    def _add_member(self, member: Member, entry: ZipInfo, number: int) -> None:
        from importers.commerceml.archives import packed_at

        holder = self.holders[number]
        name = holder.prefix + member.name
        if name.lower().endswith(IMAGES):
            self.pictures.append(in_archive(name, number, member.at))
        elif name.lower().endswith(WANTED):
            members = (member,) if holder.nested is None else (holder.nested, member)
            self._add(name, entry.file_size, packed_at(entry), holder.path, *members)
        else:
            self.others.append(in_archive(name, number, member.at))

    def _add(self, name: str, size: int, modified: datetime, path: str, *members: Member) -> None:
        self.xml.append(
            Part(
                plain(name),
                size,
                utc_text(modified),
                records_by_name(name),
                Path(path),
                members,
                root=self._root,
            )
        )


def _unknown(name: str) -> Message:
    text = N_("{name}: cannot be recognised: empty, cut, or in another encoding; let 1C write it again")
    return Message.of(text, name=name)
