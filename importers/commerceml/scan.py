"""What lies in a source: a folder or a .zip as 1C leaves it, never more than that.

Nothing outside of the source is ever opened: links that lead out, `..` and absolute names in archives are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from importers.commerceml.contents import records_by_name
from importers.commerceml.parts import Part, utc_text
from importers.commerceml.places import (
    Holder,
    Member,
    Place,
    in_archive,
    in_folder,
    refuse_depth,
    time_of,
)
from importers.errors import SourceError
from importers.identity import Identity, identity_of
from importers.texts import N_, plain

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from importers.commerceml.archives import Archive, Listing

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
WANTED = (".xml", ".zip", *IMAGES)


def listed(source: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
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


def identities_in(source: Path) -> dict[str, Identity]:
    """As `Export.identities`, now. Raises OSError."""
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


class Scan:
    """A search of a source: what lies in it."""

    def __init__(self, source: Path, *, places: bool = True) -> None:
        """`places`: keep where pictures and other files lie."""
        self.xml: list[Part] = []
        self.has_pictures = False
        self.pictures: list[Place] = []
        self.others: list[Place] = []
        self.holders: list[Holder] = []
        self.archives: set[str] = set()
        """The names of archives in the source."""
        self.identities: dict[str, Identity] = {}
        """As `Export.identities`."""
        self._source = source
        self._places = places
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
                N_("{path}: there is no such folder or .zip; name the one that 1C writes"), path=source
            )

    def _scan_folder(self, folder: Path) -> None:
        for name, entry in listed(folder):
            if name.lower().endswith(IMAGES):
                self.has_pictures = True
                if self._places:
                    self.pictures.append(in_folder(name, entry.path))
            elif not name.lower().endswith(WANTED):
                if self._places:
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
            self.has_pictures = True
            if self._places:
                self.pictures.append(in_archive(name, number, member.at))
        elif name.lower().endswith(WANTED):
            members = (member,) if holder.nested is None else (holder.nested, member)
            self._add(name, entry.file_size, packed_at(entry), holder.path, *members)
        elif self._places:
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
