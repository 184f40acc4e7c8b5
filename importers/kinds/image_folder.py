"""The shop's folder of images: copies wait in a folder of their own until the catalog is committed.

`manifest.tsv` tells of every file: path, size, SHA-256 and new | changed | unchanged | kept (not in this export) |
missing | orphaned (nothing refers to it any more). Orphaned files stay: only the shop knows who else shows them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from importers.catalog.tables import ImageFile
from importers.errors import ObmenError
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.commerceml.files import Part

WAITING = ".obmen-waiting"
"""Where copies wait. Imports into one target run one at a time, so what is found here is a dead worker's."""
MANIFEST = "manifest.tsv"
CHUNK = 1 << 20


class ImageFolder:
    """Nothing in `path` changes before `put_in_place`. `write` False: nothing changes at all, as in a dry run."""

    def __init__(self, path: Path, *, write: bool) -> None:
        self._path = path
        self._waiting = path / WAITING
        self._write = write
        self._manifest: IO[str] | None = None

    def prepare(self) -> None:
        """Raises ObmenError when the folder cannot be written."""
        if self._write:
            with self._plainly():
                shutil.rmtree(self._waiting, ignore_errors=True)
                self._waiting.mkdir(parents=True)
                # Not a `with`: put_in_place or discard close it when the import ends.
                self._manifest = (self._waiting / MANIFEST).open("w", encoding="utf-8")

    def refuses(self, path: str) -> str | None:
        """Why an image cannot have this path; None: it can."""
        pure = PurePosixPath(path)
        if (
            pure.is_absolute()
            or ".." in pure.parts
            or "\\" in path
            or any(ord(sign) < 32 or ord(sign) == 127 for sign in path)
            or pure.parts[:1] in ((), (WAITING,), (MANIFEST,))
        ):
            return N_("the path of the image is not one inside of the folder of images")
        if any(len(os.fsencode(piece)) > 255 for piece in pure.parts) or len(os.fsencode(path)) > 3000:
            return N_("the path of the image is too long")
        with self._plainly():
            return self._in_the_way(pure)

    def _in_the_way(self, pure: PurePosixPath) -> str | None:
        target = self._path / pure
        if target.is_symlink() or not target.parent.resolve().is_relative_to(self._path.resolve()):
            return N_("the path of the image leads out of the folder of images through a link")
        if target.is_dir() or any(self._is_file(parent) for parent in pure.parents):
            return N_(
                "the folder of images has a folder in place of the image, or a file in place of its folder"
            )
        return None

    def take(self, path: str, part: Part) -> ImageFile:
        """Compare a picture of the export with the folder's, and copy it if it differs.

        Raises BadFile when it changes meanwhile, ObmenError when it cannot be written.
        """
        with self._plainly():
            size, digest, same = _compare(part, self._path / path)
            if not same and self._write:
                copy = self._waiting / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                _copy(part, copy)
            state = "unchanged" if same else "changed" if (self._path / path).exists() else "new"
            self._note(path, size, digest, state)
        return ImageFile(path, size, digest)

    def keep(self, path: str) -> bool:
        """Note an image that the export does not hold; whether the folder has it from an earlier one."""
        file = self._path / path
        with self._plainly():
            there = file.is_file()
            self._note(path, file.stat().st_size if there else 0, "", "kept" if there else "missing")
        return there

    def orphan(self, path: str, size: int, digest: str) -> None:
        """Note a file that nothing refers to any more."""
        with self._plainly():
            self._note(path, size, digest, "orphaned")

    def settle(self) -> None:
        """Before the commit, while it can be refused: is all on the disk, and can it be moved? Raises ObmenError."""
        if self._manifest:
            with self._plainly():
                self._manifest.close()
                for folder, _folders, files in os.walk(self._waiting):
                    target = self._path / Path(folder).relative_to(self._waiting)
                    while not target.exists():
                        target = target.parent
                    if files and not os.access(target, os.W_OK | os.X_OK):
                        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))

    def put_in_place(self) -> None:
        """After the commit, so it does not raise: the next import finds what could not be moved, and moves it."""
        if self._manifest:
            for folder, _folders, files in os.walk(self._waiting):
                for file in files:
                    copy = Path(folder, file)
                    target = self._path / copy.relative_to(self._waiting)
                    with contextlib.suppress(OSError):
                        target.parent.mkdir(parents=True, exist_ok=True)
                        copy.replace(target)
        self.discard()

    def discard(self) -> None:
        if self._manifest:
            with contextlib.suppress(OSError):  # what is still to be written is not wanted any more
                self._manifest.close()
            shutil.rmtree(self._waiting, ignore_errors=True)

    def _is_file(self, parent: PurePosixPath) -> bool:
        return parent.parts != () and ((self._path / parent).is_file() or (self._waiting / parent).is_file())

    def _note(self, path: str, size: int, digest: str, state: str) -> None:
        if self._manifest:
            self._manifest.write(f"{path}\t{size}\t{digest}\t{state}\n")

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ObmenError(
                _(
                    "{folder}: images cannot be kept there: {error}; free some space or set images.path"
                ).format(folder=error.filename or self._path, error=error.strerror or error)
            ) from error


def _compare(part: Part, target: Path) -> tuple[int, str, bool]:
    """Size and SHA-256 of a picture of the export, and whether the file in the folder has the same bytes."""
    from importers.commerceml.files import open_part

    size = 0
    digest = hashlib.sha256()
    with contextlib.ExitStack() as stack:
        picture = stack.enter_context(open_part(part))
        known = stack.enter_context(target.open("rb")) if target.is_file() else None
        same = known is not None
        while chunk := picture.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            same = same and known is not None and known.read(len(chunk)) == chunk
        same = same and known is not None and not known.read(1)
    return size, digest.hexdigest(), same


def _copy(part: Part, copy: Path) -> None:
    from importers.commerceml.files import open_part

    with open_part(part) as picture, copy.open("wb") as file:
        shutil.copyfileobj(picture, file, CHUNK)
