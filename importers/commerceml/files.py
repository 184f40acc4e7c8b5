"""Finding the files of an export: a folder or a .zip as 1C leaves it, never more than that.

Nothing outside of the source is ever opened: links that lead out, `..` and absolute names in archives are refused.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import IO

import msgspec

from importers.commerceml.records import Record, Rejected
from importers.errors import BadFile, SourceError
from importers.texts import _

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
"""Where 3.x puts a type into files of its own, (their name, elements): another file whose first records have none of
the elements does not serve that type. Without such files every one that may hold the type is read."""

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
_NUMBERS = re.compile(r"(\d+)")


class Part(msgspec.Struct, frozen=True):
    """One XML file. `name` is relative to the source; for a zip, the path inside it."""

    name: str
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
    """Numbered files that are missing between others, as messages."""
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
            file: IO[bytes] = stack.enter_context(part.path.open("rb"))
            before = os.fstat(file.fileno())
            source = file
            for member in part.members:
                archive = stack.enter_context(zipfile.ZipFile(source))
                source = stack.enter_context(archive.open(member))
        yield PartFile(source, part)
        if _identity(before) != _identity(os.fstat(file.fileno())) or _identity(before) != _identity(
            _stat(part)
        ):
            raise BadFile(
                _("the file was changed while it was read; import again when 1C is done"), part.name
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
        raise BadFile(text.format(error=getattr(error, "strerror", None) or error), part.name) from error


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
        if path.is_dir():
            found = list(_in_folder(path))
        elif path.is_file():
            found = list(_in_archive(path, path.name))
        else:
            raise SourceError(
                _("{path}: there is no such folder or .zip; set source.path or --source").format(path=path)
            )
    except OSError as error:
        raise SourceError(
            _("{path}: cannot be read: {error}").format(path=error.filename or path, error=error.strerror)
        ) from error
    xml = sorted((p for p in found if p.name.lower().endswith(".xml")), key=lambda p: sort_key(p.name))
    parts = tuple(_narrowed([part for part in xml if _is_export(part)]))
    if not parts:
        raise SourceError(
            _(
                "{path}: holds no export of 1C (no CommerceML .xml); let 1C write it, or give another --source"
            ).format(path=path)
        )
    return Export(path, parts, tuple(_gaps(parts)), dict(_pictures(found)))


IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
WANTED = (".xml", ".zip", *IMAGES)


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
                raise SourceError(_("{path}: is no regular file; remove it").format(path=path))
            if file.lower().endswith(".zip"):
                yield from _in_archive(path, name)
            else:
                yield _part(name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC), path)


def _refuse_way_out(path: Path, home: Path) -> None:
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
        raise SourceError(
            _("{path}: a link that leads out of the source is not followed; copy the file").format(path=path)
        )


def _in_archive(path: Path, label: str) -> Iterator[Part]:
    """The files of a .zip, also of those that lie in it: 1C may pack each part, and the operator all of them."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in _entries(archive, label):
                if not entry.filename.lower().endswith(".zip"):
                    yield _part(entry.filename, entry.file_size, _time(entry), path, entry.filename)
                    continue
                with archive.open(entry) as nested, zipfile.ZipFile(io.BufferedReader(nested)) as inner:  # type: ignore[type-var]
                    for member in _entries(inner, f"{label}/{entry.filename}"):
                        name = f"{entry.filename}/{member.filename}"
                        yield _part(
                            name, member.file_size, _time(member), path, entry.filename, member.filename
                        )
    except PermissionError:
        raise
    except DAMAGED as error:
        raise SourceError(
            _("{path}: the archive is damaged or not a .zip: {error}; copy it again").format(
                path=path, error=error
            )
        ) from error


def _entries(archive: zipfile.ZipFile, label: str) -> Iterator[zipfile.ZipInfo]:
    for entry in archive.infolist():
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or not entry.filename.lower().endswith(WANTED):
            continue
        if name.is_absolute() or ".." in name.parts or ":" in entry.filename:
            raise SourceError(
                _("{path}: the archive names a file outside of itself: {name}; do not use it").format(
                    path=label, name=entry.filename
                )
            )
        if entry.flag_bits & 1 or entry.compress_type not in PACKED:
            raise SourceError(
                _("{path}: {name} is encrypted or packed in a rare way; pack it as a plain .zip").format(
                    path=label, name=entry.filename
                )
            )
        if entry.file_size > MAX_ENTRY_BYTES or entry.file_size > MAX_RATIO * max(entry.compress_size, 65536):
            raise SourceError(
                _("{path}: {name} unpacks to {size} bytes; an archive like this is made to do harm").format(
                    path=label, name=entry.filename, size=entry.file_size
                )
            )
        yield entry


def _time(entry: zipfile.ZipInfo) -> datetime:
    try:
        return datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)


def _part(name: str, size: int, modified: datetime, path: Path, *members: str) -> Part:
    name = name.encode("utf-8", "surrogateescape").decode(
        "utf-8", "replace"
    )  # a name in another encoding can be shown and stored
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


def _narrowed(parts: list[Part]) -> Iterator[Part]:
    """Parts without the types that the export has files of their own for (SPLIT)."""
    stems = {_stem(part.name) for part in parts}
    split = {kind: marks for kind, (stem, marks) in SPLIT.items() if stem in stems}
    for part in parts:
        if _stem(part.name) not in NAMES and split:
            head, _encoding = head_of(part)
            has_records = re.search(r"</(?:[\w.-]+:)?(?:Предложение|Товар)>", head)
            absent = {kind for kind, marks in split.items() if not any(mark in head for mark in marks)}
            if has_records:
                part = msgspec.structs.replace(part, kinds=part.kinds - absent)
        yield part


def head_of(part: Part) -> tuple[str, str]:
    """The beginning of a part as text, and its encoding as far as that shows it."""
    from importers.commerceml.encoding import text_of

    with open_part(part) as file:
        return text_of(file.read(HEAD))


def _stem(name: str) -> str:
    """The letters that a file's name begins with: `prices_1_2_<guid>.xml`, `import0_1.xml`."""
    return re.split(r"[^a-z]", PurePosixPath(name).stem.lower())[0]


def _is_export(part: Part) -> bool:
    """CommerceML by its root element, or by a name that 1C gives: then a wrong root is an error, not another file."""
    from importers.commerceml.encoding import root_in

    return root_in(head_of(part)[0]) == "КоммерческаяИнформация" or _stem(part.name) in {
        *NAMES,
        "import",
        "offers",
    }


def _gaps(parts: tuple[Part, ...]) -> Iterator[str]:
    """Numbers missing in `prices_1_1…, prices_1_3…` and `import0_1, import0_3`."""
    numbered: dict[str, set[int]] = {}
    for part in parts:
        if match := re.fullmatch(r"([A-Za-z]+_?\d+_)(\d{1,4})(?:_.*)?", PurePosixPath(part.name).stem):
            numbered.setdefault(match[1], set()).add(int(match[2]))
    for prefix, numbers in numbered.items():
        for missing in range(1, max(numbers)):
            if missing in numbers:
                continue
            yield _("{name}: this part is missing").format(name=f"{prefix}{missing}")


def _pictures(found: list[Part]) -> Iterator[tuple[str, Part]]:
    """Under the whole name and under each end of it: <Картинка> is relative to the folder of the goods."""
    for part in found:
        if part.name.lower().endswith(IMAGES):
            pieces = part.name.split("/")
            for start in range(len(pieces)):
                yield "/".join(pieces[start:]), part
