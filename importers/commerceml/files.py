"""Finding the files of an export: a folder or a .zip as 1C leaves it, never more than that.

Nothing outside of the source is ever opened: links that lead out, `..` and absolute names in archives are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZipInfo

import msgspec

from importers.commerceml.archives import (
    DAMAGED,
    Archive,
    Listing,
    Member,
    Moved,
    close_idle,
    entries,
    identity_of,
    nested_too_far,
    opened,
    packed_at,
    refuse_depth,
    refused,
    time_of,
)
from importers.commerceml.beneath import open_beneath
from importers.commerceml.places import Holder, Place, in_archive, in_folder, way_of
from importers.commerceml.records import PriceType, Record, Rejected, Section, Seen, Warehouse
from importers.commerceml.sets import in_sets, made_in, missing
from importers.errors import BadFile
from importers.texts import _, plain

ALL = frozenset(("catalog", "attributes", "variants", "stocks", "prices", "customers", "images"))
GOODS = frozenset(("catalog", "attributes", "images"))
PROPERTIES = frozenset(("catalog", "attributes"))
NAMES: dict[str, frozenset[str]] = {
    "goods": GOODS,
    "groups": frozenset(("catalog",)),
    "units": frozenset(("catalog",)),
    "storages": frozenset(("catalog", "stocks")),
    "pricelists": frozenset(("catalog", "prices")),
    "propertiesgoods": PROPERTIES,
    "propertiesoffers": PROPERTIES,
    "prices": frozenset(("prices",)),
    "rests": frozenset(("stocks",)),
    "contragents": frozenset(("customers",)),
}
"""What a file may serve, by the name that 1C gives it (docs/commerceml.md 1.2); any other name may hold everything."""

SPLIT: dict[str, tuple[str, tuple[str, ...]]] = {
    "prices": ("prices", ("Цены",)),
    "stocks": ("rests", ("Остатки", "Количество", "Склад")),
    "customers": ("contragents", ("Контрагент",)),
}
"""Where 3.x puts a type into files of its own, (their name, elements): another file that has none of the elements does
not serve that type. Without such files every one that may hold the type is read. And whatever the name of a file says,
it serves the types whose elements its first records have."""
ELEMENTS = {
    kind: [sign + name for name in names for sign in "<:"] for kind, (_stem_of, names) in SPLIT.items()
}
ELEMENTS["variants"] = ["<Предложение>", ":Предложение>", "<Предложение ", ":Предложение "]
"""How the elements of a type begin, with a prefix of a namespace or without."""
DEFINED: dict[str, type[Record]] = {"prices": PriceType, "stocks": Warehouse}
"""What facts refer to. 3.x may define it in front of the goods or offers, in files that do not serve the type."""
WITH_OFFERS = frozenset(("variants", "prices", "stocks"))
"""Types that files of offers serve."""
GIVEN = frozenset((*NAMES, "import", "offers"))
"""The names that 1C gives: in such a file a wrong root is an error, and no sign of another file."""

HEAD = 65536
_RECORD = re.compile(r"[<:](?:Товар|Предложение)[\s>]")
_RECORD_END = re.compile(r"</(?:[\w.-]+:)?(?:Товар|Предложение)\s*>")


class Part(msgspec.Struct, frozen=True):
    """One XML file or picture."""

    name: str
    """Relative to the source, archives in it included: `1.zip/goods/import.xml`."""
    size: int
    modified: str
    kinds: frozenset[str]
    """Types that it serves, by its name and its head."""
    path: Path
    """The file itself, or the archive that holds it."""
    members: tuple[Member, ...] = ()
    """The way inside the archive(s): one file, or two where a zip lies in a zip."""
    made: str = ""
    """ДатаФормирования, as 2024-05-31T08:00:00 on the clock of 1C; "" where none can be read."""
    set: int = 0
    """Files of one number are parts of one set (see `sets.py`); sets are read in the order of their numbers."""
    root: Path | None = None
    """The folder out of which no link may lead; None: that of the file itself."""
    unsure: frozenset[str] = frozenset()
    """Types that have files of their own, see SPLIT: whether this one serves them, too, only all of it tells."""


class Export(msgspec.Struct, frozen=True):
    """A source that was opened: a folder or a .zip with at least one CommerceML file or picture."""

    path: Path
    parts: tuple[Part, ...]
    """In the order of reading: set by set, the newest at last (see `sets.py`)."""
    gaps: tuple[str, ...]
    """Files that are missing between others, or cannot be recognised, as messages."""
    pictures: tuple[Place, ...] = ()
    """Image files: there are tens of thousands of them, and most import types want none."""
    others: tuple[Place, ...] = ()
    """All other files: a <Картинка> may name a drawing or a manual."""
    holders: tuple[Holder, ...] = ()
    """Archives that hold pictures or other files."""
    found: dict[str, tuple[int, ...]] = {}
    """Every .xml and .zip that lay in the source when it was opened, and which file it was."""
    searched: dict[tuple[str, str], bool] = {}
    """(part, type) → whether the part serves it, of those that were searched for it."""

    def files_shown(self, kind: str) -> tuple[Part, ...]:
        """The files that serve an import type by their names and heads; a plug-in's type is given all. Where no XML
        serves `images`: what holds the pictures, archives or the folder. There are some if `files_for` has some."""
        parts = tuple(part for part in self.parts if kind in part.kinds or kind not in ALL)
        return parts if parts or kind != "images" else tuple(self._holders())

    def files_for(self, kind: str) -> tuple[Part, ...]:
        """As `files_shown`, and those that were searched to their end for it. Raises BadFile."""
        shown = self.files_shown(kind)
        if not any(kind in part.unsure for part in self.parts):
            return shown
        return tuple(part for part in self.parts if part in shown or self._is_found(part, kind))

    def _is_found(self, part: Part, kind: str) -> bool:
        if kind not in part.unsure:
            return False
        if (part.name, kind) not in self.searched:
            self.searched[part.name, kind] = _is_anywhere(part, kind)
        return self.searched[part.name, kind]

    def _holders(self) -> Iterator[Part]:
        ways = map(way_of, self.pictures)
        for holder in dict.fromkeys(self.holders[way.holder].path if way.holder >= 0 else "" for way in ways):
            path = Path(holder or self.path)
            with _reading(Part(path.name, 0, "", frozenset(), path)):
                stat = path.stat()
            size = stat.st_size if holder else 0
            yield Part(path.name, size, _utc(time_of(stat.st_mtime)), frozenset(("images",)), path)

    def records(
        self,
        kind: str,
        *wanted: type[Record],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[list[Record | Rejected]]:
        """Stream the wanted records of the files that may serve `kind`, in batches, at constant memory.

        The `Section` of records comes before them. `on_progress(bytes done, bytes total)`. Raises BadFile: cut, wrong
        root, wrong encoding; after the last batch the source still holds the files that it held when it was opened.
        Of files that do not serve `kind`, but may define price types or warehouses, these are read.
        """
        from importers.commerceml.reader import read_lists, read_part

        parts = self.files_for(kind)
        total = sum(part.size for part in parts)
        done = 0
        price_types: set[str] = set()
        defined = DEFINED.get(kind)
        read = self.parts if parts and defined in wanted else parts
        for part in read:
            if read is parts or part in parts:
                for position, batch in read_part(part, frozenset(wanted), price_types):
                    if on_progress:
                        on_progress(min(done + position, total), total)
                    yield batch
                done += part.size
            elif defined and kind in _kinds(part.name):
                yield from read_lists(part, frozenset(wanted) & {Section, defined}, price_types)
        self.check_unchanged()
        if on_progress:
            on_progress(total, total)

    def offers_elsewhere(self, kind: str) -> Iterator[list[Record | Rejected]]:
        """A `Seen` for each Предложение of the files that do not serve `kind`: 3.x tells an offer in one file, its
        prices in another one and its stocks in a third."""
        from importers.commerceml.reader import read_part

        served = self.files_for(kind)
        for part in self.parts:
            if part not in served and part.kinds & WITH_OFFERS and _is_anywhere(part, "variants"):
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
            raise BadFile(_gone(), error.filename or self.path) from error
        for name in sorted(self.found.keys() | now.keys()):
            if name not in now:
                raise BadFile(_gone(), plain(name))
            if name not in self.found:
                text = _("the file came while the export was read: 1C was still writing; import again")
                raise BadFile(text, plain(name))
            if self.found[name] != now[name]:
                raise BadFile(_changed(), plain(name))


class PartFile:
    """The bytes of a part. What cannot be read is a BadFile, whoever reads."""

    def __init__(self, file: IO[bytes], part: Part) -> None:
        self._file = file
        self._part = part

    def read(self, size: int = -1) -> bytes:
        with _reading(self._part):
            return self._file.read(size)

    def rewind(self) -> None:
        with _reading(self._part):
            self._file.seek(0)


@contextmanager
def open_part(part: Part) -> Iterator[PartFile]:
    """The bytes of a part; after a clean read the file must be the one that was opened, unchanged."""
    with ExitStack() as stack:
        with _reading(part):
            file = stack.enter_context(open_beneath(part.root or part.path.parent, part.path))
            before = identity_of(os.fstat(file.fileno()))
            if part.members:
                archive = stack.enter_context(opened(part.path, *part.members[:-1]))
                if archive.identity != before:
                    raise BadFile(_changed(), part.name)
                file = stack.enter_context(archive.open(part.members[-1]))
        yield PartFile(file, part)
        if before != identity_of(_stat(part)):
            raise BadFile(_changed(), part.name)


def _changed() -> str:
    return _("the file was changed while it was read; import again when 1C is done")


def _gone() -> str:
    return _("the file vanished while it was read; import again when 1C is done")


@contextmanager
def _reading(part: Part) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        if isinstance(error, Moved):
            text = _changed()
        elif isinstance(error, PermissionError):
            text = _("cannot be read: {error}; give this account the right to")
        elif part.members:
            text = _("the archive is damaged: {error}; copy it again")
        else:
            text = _("cannot be read: {error}; let 1C write it again")
        raise BadFile(
            plain(text.format(error=getattr(error, "strerror", None) or error)), part.name
        ) from error


def _stat(part: Part) -> os.stat_result:
    try:
        return part.path.stat()
    except OSError as error:
        raise BadFile(_gone(), part.name) from error


def find_export(path: Path) -> Export:
    """The export at `path`. Raises SourceError."""
    try:
        found = _Found(path)
        parts, unknown = _recognised(found.xml)
    except OSError as error:
        raise refused(
            _("{path}: cannot be read: {error}"), path=error.filename or path, error=error.strerror
        ) from error
    finally:
        close_idle()
    if not parts and not found.pictures:
        raise refused(
            _(
                "{path}: holds no export of 1C (no CommerceML .xml); let 1C write it, or give another --source"
            ),
            path=path,
        )
    sets = in_sets(parts)
    gaps = missing(
        [[part.name for part in parts] for parts in sets], unknown, sorted(found.archives), NAMES.keys()
    )
    ordered = [
        msgspec.structs.replace(part, set=number) for number, parts in enumerate(sets, 1) for part in parts
    ]
    return Export(
        path,
        tuple(ordered),
        (*gaps, *map(_unknown, unknown)),
        tuple(found.pictures),
        tuple(found.others),
        tuple(found.holders),
        found.identities,
    )


IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
WANTED = (".xml", ".zip", *IMAGES)
ROOT = "КоммерческаяИнформация"


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
                raise refused(_("{path}: is no regular file; remove it"), path=entry.path)
            yield name, entry
        elif not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
            yield name, entry


def _refuse_way_out(entry: os.DirEntry[str], home: Path) -> None:
    if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(home):
        raise refused(
            _("{path}: a link that leads out of the source is not followed; copy the file"), path=entry.path
        )


def _identities(source: Path) -> dict[str, tuple[int, ...]]:
    """As `Export.found`, now."""
    if not source.is_dir():
        return {source.name: identity_of(source.stat())}
    found = {}
    folders: list[tuple[str | Path, str]] = [(source, "")]
    for folder, below in folders:  # and those that are met on the way
        with os.scandir(folder) as listed:
            for entry in listed:
                if entry.is_dir():
                    if not entry.is_symlink():
                        folders.append((entry.path, f"{below}{entry.name}/"))
                elif entry.name.lower().endswith((".xml", ".zip")) and not entry.name.startswith("."):
                    found[below + entry.name] = identity_of(entry.stat())
    return found


class _Found:
    """What lies in a source."""

    def __init__(self, source: Path) -> None:
        self.xml: list[Part] = []
        self.pictures: list[Place] = []
        self.others: list[Place] = []
        self.holders: list[Holder] = []
        self.archives: set[str] = set()
        """The names of archives in the source."""
        self.identities: dict[str, tuple[int, ...]] = {}
        """As `Export.found`."""
        self._root: Path | None = None
        if source.is_dir():
            self._root = source
            self._look_into(source)
        elif source.name.lower().endswith(".xml") and source.is_file():
            raise refused(_("{path}: is one file of an export; give the folder that holds it"), path=source)
        elif source.is_file():
            self.identities[source.name] = identity_of(source.stat())
            self._unpack(Path(os.path.realpath(source)), source.name, "")
        else:
            raise refused(
                _("{path}: there is no such folder or .zip; set source.path or --source"), path=source
            )

    def _look_into(self, folder: Path) -> None:
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
        listing = Listing(label)
        try:
            with opened(path) as archive:
                number = self._hold(Holder(str(path), plain(place), None))
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
            raise refused(
                _("{path}: the archive is damaged or not a .zip: {error}; copy it again"),
                path=path, error=error,
            ) from error  # fmt: skip

    def _unpack_nested(self, archive: Archive, label: str, place: str, listing: Listing) -> None:
        number = self._hold(Holder(str(archive.path), plain(place), archive.nested))
        for member, entry in entries(archive, label, WANTED, listing):
            if member.name.lower().endswith(".zip"):
                raise nested_too_far(label, member.name)
            self._add_member(member, entry, number)

    def _hold(self, holder: Holder) -> int:
        self.holders.append(holder)
        return len(self.holders) - 1

    def _add_member(self, member: Member, entry: ZipInfo, number: int) -> None:
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
            Part(plain(name), size, _utc(modified), _kinds(name), Path(path), members, root=self._root)
        )


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _kinds(name: str) -> frozenset[str]:
    """By the name of the file, or of its folder in a package: `prices/a.xml`."""
    if not name.lower().endswith(".xml"):
        return frozenset()
    folder = PurePosixPath(name).parent.name.lower()
    return NAMES.get(_stem(name)) or (NAMES[folder] if folder in NAMES and folder != "goods" else ALL)


def _recognised(xml: list[Part]) -> tuple[list[Part], list[str]]:
    """The files of the export with the types that they serve, and the names of those that may be of it or not."""
    from importers.commerceml.encoding import root_in

    stems = {_stem(part.name) for part in xml}
    split = {kind for kind, (stem, _names) in SPLIT.items() if stem in stems}
    export, unknown = [], []
    for part in xml:
        head, _encoding = head_of(part)
        root = root_in(head)
        if root == ROOT or _stem(part.name) in GIVEN:
            kinds, unsure = _served(part, head, split)
            export.append(msgspec.structs.replace(part, kinds=kinds, unsure=unsure, made=made_in(head)))
        elif root is None:
            unknown.append(part.name)
    return export, unknown


def _served(part: Part, head: str, split: set[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The types that a part serves, more than its name says or less where others have files of their own, and those
    that it may serve behind its head."""
    first = _RECORD.search(head)
    records = head[first.start() :] if first else ""
    if part.kinds != ALL:
        others = ELEMENTS.keys() - part.kinds
        if "catalog" not in part.kinds:
            others.discard("variants")  # offers of prices or stocks have nothing else to tell
        return part.kinds | _shown(records, others), frozenset()
    absent = split - _shown(records, split)
    if absent and _RECORD_END.search(records):
        return part.kinds - absent, frozenset(absent)
    return part.kinds, frozenset()


def _shown(text: str, kinds: Set[str]) -> set[str]:
    """Of these types, those whose elements stand in the text."""
    return {kind for kind in kinds if any(opening in text for opening in ELEMENTS[kind])}


def _is_anywhere(part: Part, kind: str) -> bool:
    """Whether an element of a type stands anywhere in a part, or that cannot be told."""
    from importers.commerceml.encoding import is_in

    _head, encoding = head_of(part)
    with open_part(part) as file:
        return is_in(file, encoding, ELEMENTS[kind])


def head_of(part: Part) -> tuple[str, str]:
    """The beginning of a part as text, and its encoding as far as that shows it."""
    from importers.commerceml.encoding import text_of

    with open_part(part) as file:
        return text_of(file.read(HEAD))


def _stem(name: str) -> str:
    """The letters that a file's name begins with: `prices_1_2_<guid>.xml`, `import0_1.xml`."""
    return re.split(r"[^a-z]", PurePosixPath(name).stem.lower())[0]


def _unknown(name: str) -> str:
    return _(
        "{name}: cannot be recognised: empty, cut, or in another encoding; let 1C write it again"
    ).format(name=name)
