"""Finding the files of an export: a folder or a .zip as 1C leaves it, never more than that.

Nothing outside of the source is ever opened: links that lead out, `..` and absolute names in archives are refused.
"""

from __future__ import annotations

import atexit
import os
import re
import struct
import tempfile
import threading
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import IO

import msgspec

from importers.commerceml.records import Record, Rejected
from importers.errors import BadFile, SourceError
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
"""What a file may serve, by the name that 1C gives it (COMMERCEML 1.2); any other name may hold everything."""

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
GIVEN = frozenset((*NAMES, "import", "offers"))
"""The names that 1C gives: in such a file a wrong root is an error, and no sign of another file."""

HEAD = 65536
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, KeyError, OSError,
    OverflowError, UnicodeDecodeError,
)  # fmt: skip
"""What zipfile raises for a .zip that is not as it should be."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How 1C packs. Other ways unpack to any size from a few bytes, before a limit can be looked at."""
MAX_ENTRY_BYTES = 20 * 2**30
MAX_RATIO = 300
"""An archived file that unpacks to so many times its size is a bomb: XML of 1C packs 10 to 40 times."""
MAX_NESTED_BYTES = 4 * 2**30
"""A .zip that lies in a .zip is unpacked to the disk as a whole."""
MAX_LIST_BYTES = 12 * 2**20
"""The list of files in an archive, those in it included; in memory it takes up to twenty times as much."""
KEPT = 32
"""So many archives stay open while an export is read."""
_NUMBERS = re.compile(r"(\d+)")
_NUMBERED = re.compile(r"(?!.*\d_\d\d?_(?:\d\d|\d{4})$)(\D*)(\d{1,3})(?:_(\d{1,4}))?(?:_.*)?")
"""(before, number, part) of a name that has them and is no date. No group of a GUID is so short."""
_RECORD = re.compile(r"[<:](?:Товар|Предложение)[\s>]")
_RECORD_END = re.compile(r"</(?:[\w.-]+:)?(?:Товар|Предложение)\s*>")


class Part(msgspec.Struct, frozen=True):
    """One XML file or picture."""

    name: str
    """Relative to the source, archives in it included: `1.zip/goods/import.xml`."""
    size: int
    modified: str
    kinds: frozenset[str]
    path: Path
    """The file itself, or the archive that holds it."""
    members: tuple[str, ...] = ()
    """The way inside the archive(s): one name, or two where a zip lies in a zip."""


class Export(msgspec.Struct, frozen=True):
    """A source that was opened: a folder or a .zip with at least one CommerceML file."""

    path: Path
    parts: tuple[Part, ...]
    """In the order of reading: by number, not by text."""
    gaps: tuple[str, ...]
    """Files that are missing between others, or cannot be recognised, as messages."""
    pictures: dict[str, Part]
    """Image files by their path relative to the folder of goods, as <Картинка> names them."""

    def files_for(self, kind: str) -> tuple[Part, ...]:
        """The files that may serve an import type; a plug-in's type is given all."""
        return tuple(part for part in self.parts if kind in part.kinds or kind not in ALL)

    def records(
        self,
        kind: str,
        *wanted: type[Record],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[list[Record | Rejected]]:
        """Stream the wanted records of the files that may serve `kind`, in batches, at constant memory.

        The `Section` of records comes before them. `on_progress(bytes done, bytes total)`. Raises BadFile: cut, wrong
        root, wrong encoding; after its last batch each file is still the one that was opened.
        """
        from importers.commerceml.reader import read_part

        parts = self.files_for(kind)
        total = sum(part.size for part in parts)
        done = 0
        for part in parts:
            for position, batch in read_part(part, frozenset(wanted)):
                if on_progress:
                    on_progress(min(done + position, total), total)
                yield batch
            done += part.size
        if on_progress:
            on_progress(total, total)

    def images(self) -> dict[str, Part]:
        """Image files, by every end of their path: <Картинка> is relative to the folder of the goods."""
        return self.pictures


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
            if part.members:
                archive = stack.enter_context(_archive(part.path, *part.members[:-1]))
                before = archive.identity
                file: IO[bytes] = stack.enter_context(archive.zip.open(part.members[-1]))
            else:
                file = stack.enter_context(part.path.open("rb"))
                before = _identity(os.fstat(file.fileno()))
        yield PartFile(file, part)
        if before != _identity(_stat(part)):
            raise BadFile(
                _("the file was changed while it was read; import again when 1C is done"), part.name
            )


class _Archive:
    """A .zip that is open, or one that lies in it. To open it is to read the list of all its files."""

    def __init__(self, path: Path, nested: str | None) -> None:
        self.path = path
        self.nested = nested
        with ExitStack() as stack:
            if nested is None:
                file: IO[bytes] = stack.enter_context(path.open("rb"))
                self.identity = _identity(os.fstat(file.fileno()))
            else:
                with _archive(path) as outer:
                    self.identity = outer.identity
                    file = stack.enter_context(_unpacked(outer.zip, nested, path))
            self.list_bytes = _list_bytes(file)
            _refuse_long_list(self.list_bytes, path if nested is None else f"{path}/{nested}")
            self.zip: zipfile.ZipFile = stack.enter_context(zipfile.ZipFile(file))
            self.close = stack.pop_all().close


class _Idle:
    """Archives that are open and read by nobody at the moment, the one that was read last at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._archives: list[_Archive] = []

    def take(self, path: Path, nested: str | None) -> _Archive | None:
        """The archive, if it is here and its file is still the same; it belongs to the caller alone."""
        identity = _identity(path.stat())
        with self._lock:
            for at, archive in enumerate(self._archives):
                if (archive.path, archive.nested, archive.identity) == (path, nested, identity):
                    return self._archives.pop(at)
        return None

    def keep(self, archive: _Archive) -> None:
        with self._lock:
            self._archives.append(archive)
            while len(self._archives) > KEPT or (
                len(self._archives) > 1 and sum(one.list_bytes for one in self._archives) > MAX_LIST_BYTES
            ):
                self._archives.pop(0).close()

    def close(self) -> None:
        with self._lock:
            while self._archives:
                self._archives.pop().close()


_idle = _Idle()
atexit.register(_idle.close)


@contextmanager
def _archive(path: Path, nested: str | None = None) -> Iterator[_Archive]:
    archive = _idle.take(path, nested) or _Archive(path, nested)
    try:
        yield archive
    except BaseException:
        archive.close()
        raise
    _idle.keep(archive)


def _list_bytes(file: IO[bytes]) -> int:
    """The size of an archive's list of files by its end record, which zipfile goes by; 0 where it finds it damaged."""
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    size, place = (end[5], end[9]) if end else (0, 0)
    return int(size) if size <= place else 0


def _refuse_long_list(size: int, path: Path | str) -> None:
    if size > MAX_LIST_BYTES:
        raise _refused(
            _("{path}: the archive holds too many files; pack them into several archives"), path=path
        )


def _unpacked(archive: zipfile.ZipFile, name: str, path: Path) -> IO[bytes]:
    """A member as a file without a name: in what is packed, each step back means to unpack from the beginning."""
    if archive.getinfo(name).file_size > MAX_NESTED_BYTES:
        raise _nested_too_far(path, name)
    with ExitStack() as stack:
        with _room():
            copy = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        with archive.open(name) as source:
            while chunk := source.read(1 << 20):
                _write(copy, memoryview(chunk))
        stack.pop_all()  # it stays open
    return copy


def _write(file: IO[bytes], data: memoryview) -> None:
    with _room():
        while data:
            data = data[file.write(data) :]


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refused(
            _("{folder}: cannot hold temporary files: {error}; free some space or set $TMPDIR"),
            folder=tempfile.tempdir or "$TMPDIR",
            error=error.strerror,
        ) from error


def _refused(text: str, **names: object) -> SourceError:
    """Names in archives and folders may hold control characters."""
    return SourceError(plain(text.format(**names)))


def _nested_too_far(path: Path | str, name: str) -> SourceError:
    return _refused(
        _("{path}: {name} cannot be read inside of another archive; unpack it"), path=path, name=name
    )


@contextmanager
def _reading(part: Part) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        if part.members:
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
        raise BadFile(
            _("the file vanished while it was read; import again when 1C is done"), part.name
        ) from error


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def find_export(path: Path) -> Export:
    """The export at `path`. Raises SourceError."""
    try:
        found = list(_found(path))
        xml = sorted((p for p in found if p.name.lower().endswith(".xml")), key=lambda p: sort_key(p.name))
        parts, unknown = _recognised(xml)
    except OSError as error:
        raise _refused(
            _("{path}: cannot be read: {error}"), path=error.filename or path, error=error.strerror
        ) from error
    finally:
        _idle.close()
    if not parts:
        raise _refused(
            _(
                "{path}: holds no export of 1C (no CommerceML .xml); let 1C write it, or give another --source"
            ),
            path=path,
        )
    archives = {part.path.name for part in found if part.members and part.path != path}
    archives |= {name for part in found for name in part.members[:-1]}
    missing = _missing([*(part.name for part in parts), *unknown], sorted(archives))
    return Export(path, tuple(parts), (*missing, *map(_unknown, unknown)), dict(_pictures(found)))


IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
WANTED = (".xml", ".zip", *IMAGES)
ROOT = "КоммерческаяИнформация"


def _found(path: Path) -> Iterator[Part]:
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _in_archive(path, path.name, "")
    raise _refused(_("{path}: there is no such folder or .zip; set source.path or --source"), path=path)


def _in_folder(folder: Path) -> Iterator[Part]:
    home = folder.resolve()

    def stop(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=stop):
        folders.sort()
        for name in folders:
            _refuse_way_out(Path(root, name), home)
        below = root[len(str(folder)) :].strip(os.sep).replace(os.sep, "/")
        for file in sorted(files):
            if not file.lower().endswith(WANTED) or file.startswith("."):
                continue
            path = Path(root, file)
            _refuse_way_out(path, home)
            name = f"{below}/{file}" if below else file
            stat = path.stat()
            if not S_ISREG(stat.st_mode):
                raise _refused(_("{path}: is no regular file; remove it"), path=path)
            if file.lower().endswith(".zip"):
                yield from _in_archive(path, name, f"{name}/")
            else:
                yield _part(name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC), path)


def _refuse_way_out(path: Path, home: Path) -> None:
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
        raise _refused(
            _("{path}: a link that leads out of the source is not followed; copy the file"), path=path
        )


def _in_archive(path: Path, label: str, place: str) -> Iterator[Part]:
    """The files of a .zip, also of those that lie in it: 1C may pack each part, and the operator all of them.

    Errors name the archive by its label; the names of its files begin with its place in the source.
    """
    try:
        with _archive(path) as archive:
            listed = archive.list_bytes
            for name, entry in _entries(archive.zip, label):
                if not name.lower().endswith(".zip"):
                    yield _part(place + name, entry.file_size, _time(entry), path, entry.filename)
                    continue
                with _archive(path, entry.filename) as inner:
                    listed += inner.list_bytes
                    _refuse_long_list(listed, label)
                    yield from _in_nested(inner, f"{label}/{name}", f"{place}{name}/")
    except PermissionError:
        raise
    except DAMAGED as error:
        raise _refused(
            _("{path}: the archive is damaged or not a .zip: {error}; copy it again"), path=path, error=error
        ) from error


def _in_nested(archive: _Archive, label: str, place: str) -> Iterator[Part]:
    for name, entry in _entries(archive.zip, label):
        if name.lower().endswith(".zip"):
            raise _nested_too_far(label, name)
        inside = archive.nested or "", entry.filename
        yield _part(place + name, entry.file_size, _time(entry), archive.path, *inside)


def _entries(archive: zipfile.ZipFile, label: str) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """What may be of an export, with names as a folder would have them."""
    names = set()
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        name = str(path)
        if entry.is_dir() or not name.lower().endswith(WANTED) or path.name.startswith("."):
            continue
        if path.is_absolute() or ".." in path.parts or ":" in name:
            raise _refused(
                _("{path}: the archive names a file outside of itself: {name}; do not use it"),
                path=label, name=entry.filename,
            )  # fmt: skip
        if name in names:
            raise _refused(_("{path}: the archive holds {name} twice; pack it again"), path=label, name=name)
        names.add(name)
        if entry.flag_bits & 1 or entry.compress_type not in PACKED:
            raise _refused(
                _("{path}: {name} is encrypted or packed in a rare way; pack it as a plain .zip"),
                path=label, name=name,
            )  # fmt: skip
        if entry.file_size > MAX_ENTRY_BYTES or entry.file_size > MAX_RATIO * max(entry.compress_size, 65536):
            raise _refused(
                _("{path}: {name} unpacks to {size} bytes; an archive like this is made to do harm"),
                path=label, name=name, size=entry.file_size,
            )  # fmt: skip
        yield name, entry


def _time(entry: zipfile.ZipInfo) -> datetime:
    try:
        return datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)


def _part(name: str, size: int, modified: datetime, path: Path, *members: str) -> Part:
    name = plain(name)  # it is shown and stored
    return Part(name, size, f"{modified:%Y-%m-%dT%H:%M:%SZ}", _kinds(name), path, members)


def _kinds(name: str) -> frozenset[str]:
    """By the name of the file, or of its folder in a package: `prices/a.xml`."""
    if not name.lower().endswith(".xml"):
        return frozenset()
    folder = PurePosixPath(name).parent.name.lower()
    return NAMES.get(_stem(name)) or (NAMES[folder] if folder in NAMES and folder != "goods" else ALL)


def sort_key(name: str) -> list[tuple[str, int, str]]:
    """Parts sort by number, not by text: rests_1_10 after rests_1_9."""
    pieces = _NUMBERS.split(name.lower())
    numbers = [piece.lstrip("0") for piece in pieces[1::2]]
    return [*zip(pieces[::2], map(len, numbers), numbers, strict=False), (pieces[-1], 0, "")]


def _recognised(xml: list[Part]) -> tuple[list[Part], list[str]]:
    """The files of the export with the types that they serve, and the names of those that may be of it or not."""
    from importers.commerceml.encoding import root_in

    stems = {_stem(part.name) for part in xml}
    split = {kind for kind, (stem, _names) in SPLIT.items() if stem in stems}
    export, unknown = [], []
    for part in xml:
        head, encoding = head_of(part)
        root = root_in(head)
        if root == ROOT or _stem(part.name) in GIVEN:
            kinds = _served(part, head, encoding, split)
            export.append(msgspec.structs.replace(part, kinds=kinds))
        elif root is None:
            unknown.append(part.name)
    return export, unknown


def _served(part: Part, head: str, encoding: str, split: set[str]) -> frozenset[str]:
    """The types that a part serves: more than its name says, or less where others have files of their own."""
    first = _RECORD.search(head)
    records = head[first.start() :] if first else ""
    if part.kinds != ALL:
        others = ELEMENTS.keys() - part.kinds
        if "catalog" not in part.kinds:
            others.discard("variants")  # offers of prices or stocks have nothing else to tell
        return part.kinds | _shown(records, others)
    absent = split - _shown(records, split)
    if absent and _RECORD_END.search(records):
        absent -= _shown_anywhere(part, encoding, absent)
        return part.kinds - absent
    return part.kinds


def _shown(text: str, kinds: Set[str]) -> set[str]:
    """Of these types, those whose elements stand in the text."""
    return {kind for kind in kinds if any(opening in text for opening in ELEMENTS[kind])}


def _shown_anywhere(part: Part, encoding: str, kinds: Set[str]) -> set[str]:
    from importers.commerceml.encoding import found_in

    with open_part(part) as file:
        return found_in(file, encoding, {kind: ELEMENTS[kind] for kind in kinds})


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


def _missing(files: Iterable[str], archives: Iterable[str]) -> Iterator[str]:
    """Numbers missing in `prices_1_1…, prices_1_3…`, `import0_1, import2_1`, `import_1, import_3`.

    Sets of numbers begin at 0 or 1, those of parts always do: other numbers are dates and the like.
    """
    sets: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name in files:
        if match := _NUMBERED.fullmatch(PurePosixPath(name).stem):
            before, number, part = match.groups()
            sets[before, "_…" if part else ""].add(int(number))
            if part:
                sets[f"{before}{number}_", ""] |= {0, int(part)}
    for name in archives:
        if (match := _NUMBERED.fullmatch(PurePosixPath(name).stem)) and not match[3]:
            sets[match[1], ".zip"].add(int(match[2]))
    for (before, behind), numbers in sets.items():
        for number in range(min(numbers), max(numbers)) if min(numbers) <= 1 else ():
            if number not in numbers:
                yield _("{name}: this part is missing").format(name=f"{before}{number}{behind}")


def _pictures(found: list[Part]) -> Iterator[tuple[str, Part]]:
    """Under the whole name and under each end of it: <Картинка> is relative to the folder of the goods."""
    for part in found:
        if part.name.lower().endswith(IMAGES):
            pieces = part.name.split("/")
            for start in range(len(pieces)):
                yield "/".join(pieces[start:]), part
