"""The shop's folder of images: copies wait beside the files whose places they take until the catalog is committed.

Whose copies they are and whether these were committed is exact, whenever a process dies:
- `.obmen/catalog.json` marks the folder as one catalog's; no other one touches it.
- `.obmen/TOKEN.tsv` lists the copies of a session, each before its copy `.obmen-TOKEN-LINE` is made in the folder where
  it will stay. So after the commit there is nothing left to do but to rename files within their folders.
- The catalog holds the token from its commit on until all is in place. A list whose token it does not hold is that of a
  session which never committed, and cleared away, under the catalog's write lock; but not while that session's process
  lives, which has a lock on it.

Most is done ahead (`look_ahead`), of images that may be referred to at the end; once it is known which are, the rest is
taken back. `.obmen/TOKEN.manifest` then tells of every file, and becomes `manifest.tsv`: path, size, SHA-256 and new |
changed | unchanged | kept (not in this export) | missing | orphaned (nothing refers to it any more). Orphaned files
stay: only the shop knows who else shows them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import msgspec

from importers.catalog.external_sort import ExternalSort, Item
from importers.commerceml.beneath import Folders, create
from importers.errors import ObmenError, cure_of
from importers.kinds.image_files import compared, refuse_irreplaceable, replace
from importers.kinds.image_mark import MARK, Mark, Stuck
from importers.kinds.image_paths import MANIFEST, OURS, refused
from importers.shared_files import make_folder
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.commerceml.parts import Part

COPIED = ("new", "changed")
RUN_BYTES = 1_000_000
"""So much of paths is sorted in memory at a time: a shop may have millions."""

LINK = N_("the path of the image goes through a link in the folder of images; put a folder in its place")
IN_THE_WAY = N_("the folder of images has a folder in place of the image, or a file in place of its folder")


class Found(msgspec.Struct, frozen=True, array_like=True):
    """An image in export and folder."""

    state: str
    """new | changed | unchanged | kept | missing"""
    size: int = 0
    sha256: str = ""
    """"" of one that the export does not hold."""
    line: int | None = None
    """That of its copy in the list."""


class ImageFolder:
    """Nothing that has a name in `path` changes before `put_in_place`. `write` False: nothing at all, as in a dry run.

    First `refuses` and `look_ahead` in the order of the paths, of those that may be referred to; then, in this order
    again, `found_ahead` of those that are, or `refuses` and `look`, and `note`.
    """

    def __init__(self, path: Path, *, write: bool = True) -> None:
        self.token = secrets.token_hex(8)
        self.copied = 0
        self._path = path
        self._write = write
        self._folders = Folders(path)
        self._list: IO[str] | None = None
        self._lines = 0
        self._manifest: IO[str] | None = None
        self._ahead = ExternalSort(RUN_BYTES)
        self._left: Iterator[Item] | None = None
        self._next: Item | None = None
        """The first of those that are left."""
        self._marked = False
        """Whether the folder was nobody's before."""
        self._above: list[str] = []
        """Paths of images of which each begins with the one before: those above the next one are among them."""

    def prepare(self, mark: Mark, committed: Collection[str]) -> None:
        """Finish or clear away what earlier sessions left; `committed`: tokens that the catalog holds. Raises
        ObmenError when the folder is another catalog's, or cannot be written."""
        if self._write:
            with self._plainly():
                make_folder(self._path)
        with self._plainly(f"{OURS}/{MARK}"):
            if not self._write:
                mark.refuse_other(self._folders, self._path)
                return
            self._marked = mark.claim(self._folders, self._path)
            with os.scandir(self._path / OURS) as listed:
                tokens = [entry.name[:-4] for entry in listed if entry.name.endswith(".tsv")]
            for token in sorted(tokens):
                if token not in committed:
                    if not self._is_held(token):
                        self._clear(token)
                elif stuck := self.put_in_place(token):
                    raise ObmenError(
                        N_(
                            "{folder}: {path} of an earlier import cannot be put in place: {error}; "
                            "mend that and import again"
                        ),
                        folder=self._path,
                        path=stuck.first,
                        error=Message(stuck.error),
                    )
            # Not a `with`: settle or discard close them when the import ends.
            self._list = self._created("tsv")
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(self._list, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._manifest = self._created("manifest")

    def _created(self, ending: str) -> IO[str]:
        handle = create(self._folders.open((OURS,)), f"{self.token}.{ending}")
        return os.fdopen(handle, "w", encoding="utf-8", newline="\n")

    def _is_held(self, token: str) -> bool:
        """Whether the session lives."""
        try:
            handle = os.open(f"{token}.tsv", os.O_RDWR | os.O_NOFOLLOW, dir_fd=self._folders.open((OURS,)))
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(handle)
        return False

    def refuses(self, path: str) -> str | None:
        """Why an image cannot have this path; None: it can."""
        if reason := refused(path):
            return reason
        with self._plainly(path):
            return self._in_the_way(PurePosixPath(path))

    def _in_the_way(self, pure: PurePosixPath) -> str | None:
        if self._is_below_another(str(pure)):
            return IN_THE_WAY
        try:
            mode = self._stat(pure)
        except NotADirectoryError:
            links = any((self._path / parent).is_symlink() for parent in pure.parents[:-1])
            return LINK if links else IN_THE_WAY
        if mode is None or stat.S_ISREG(mode.st_mode):
            return None
        return LINK if stat.S_ISLNK(mode.st_mode) else IN_THE_WAY

    def _is_below_another(self, path: str) -> bool:
        while self._above and not path.startswith(self._above[-1]):
            self._above.pop()
        return any(path.startswith(f"{outer}/") for outer in self._above)

    def look_ahead(self, path: str, part: Part | None) -> None:
        """As `look`, for `found_ahead`."""
        self._ahead.add(path, msgspec.msgpack.encode(self.look(path, part)))

    def found_ahead(self, path: str) -> Found | None:
        """What came of an image that was looked at ahead; None: it must be looked at now. Those before it that were
        not asked for are taken back."""
        while ahead := self._next_ahead(path):
            before, found = ahead
            if before == path and not self._is_below_another(str(PurePosixPath(path))):
                if found.sha256:
                    self._above.append(str(PurePosixPath(path)))
                return found
            self._take_back(before, found)
        return None

    def _next_ahead(self, until: str | None) -> tuple[str, Found] | None:
        """The next one that was looked at ahead, up to this path or the last of all."""
        if self._left is None:
            self._above.clear()
            self._left = iter(self._ahead)
            self._next = next(self._left, None)
        if self._next is None or (until is not None and self._next[0] > until):
            return None
        path, payload = self._next
        self._next = next(self._left, None)
        return path, msgspec.msgpack.decode(payload, type=Found)

    def _take_back(self, path: str, found: Found) -> None:
        """The list may name a copy that is not there: whoever reads it passes it over."""
        if found.line is not None:
            pure = PurePosixPath(path)
            with contextlib.suppress(OSError):
                os.unlink(self._copy_of(self.token, found.line), dir_fd=self._folders.open(pure.parent.parts))

    def look(self, path: str, part: Part | None) -> Found:
        """Compare a picture of the export with the folder's, and copy it if it differs. `part`: None where the export
        does not hold it. Raises BadFile when it changes meanwhile, ObmenError when it cannot be written."""
        pure = PurePosixPath(path)
        with self._plainly(path):
            if part is None:
                there = self._stat(pure)
                return Found("kept", there.st_size) if there else Found("missing")
            self._above.append(str(pure))
            known = self._open(pure)
            state = "changed" if known else "new"
            if known:
                with known:
                    size, digest, same = compared(part, known)
                if same:
                    return Found("unchanged", size, digest)
            if self._list:
                return self._copy(pure, part, state, self._list)
            if not known:
                size, digest, _same = compared(part, None)
            return Found(state, size, digest)

    def _copy(self, pure: PurePosixPath, part: Part, state: str, lines: IO[str]) -> Found:
        # Whoever clears up must know of the copy before it is there.
        lines.write(f"{pure}\t")
        lines.flush()
        folder = self._folders.open(pure.parent.parts, make=True)
        if state == "changed":
            refuse_irreplaceable(folder, pure.name)
        line = self._lines
        with os.fdopen(create(folder, self._copy_of(self.token, line)), "wb") as file:
            size, digest, _same = compared(part, None, file.write)
        lines.write(f"{size}\t{digest}\t{state}\n")
        self._lines += 1
        return Found(state, size, digest, line)

    def note(self, path: str, found: Found) -> None:
        """It is referred to."""
        self.copied += found.state in COPIED
        self._note(path, found.size, found.sha256, found.state)

    def note_orphaned(self, path: str, size: int, digest: str) -> None:
        """Note a file that nothing refers to any more."""
        self._note(path, size, digest, "orphaned")

    def _note(self, path: str, size: int, digest: str, state: str) -> None:
        if self._manifest:
            with self._plainly():
                self._manifest.write(f"{path}\t{size}\t{digest}\t{state}\n")

    def settle(self) -> None:
        """All is noted. Before the commit, while it can be refused: list and manifest must be on the disk. Raises
        ObmenError."""
        while ahead := self._next_ahead(None):
            self._take_back(*ahead)
        self._ahead.close()
        for file in filter(None, (self._list, self._manifest)):
            with self._plainly():
                file.flush()
                if not os.fstat(file.fileno()).st_nlink:
                    raise ObmenError(
                        N_("{folder}: another import has cleared the copies of images away; import again"),
                        folder=self._path,
                    )
                os.fsync(file.fileno())
                file.close()

    def committed(self) -> None:
        """After the commit. Copies are put in place by whoever finds their token in the catalog; without any, the
        manifest is all there is."""
        self._remove_empty()
        if self._list and not self.copied:
            self.put_in_place(self.token)
        self._folders.close()

    def discard(self) -> None:
        """Nothing was committed: clear away."""
        for file in filter(None, (self._list, self._manifest)):
            with contextlib.suppress(OSError):  # what is still to be written is not wanted any more
                file.close()
        if self._list:
            self._clear(self.token)
        if self._marked:
            with contextlib.suppress(OSError):
                os.unlink(MARK, dir_fd=self._folders.open((OURS,)))
        self._remove_empty()
        self._folders.close()

    def _remove_empty(self) -> None:
        """Folders that were made for copies that are gone."""
        for *parents, name in reversed(self._folders.made):
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=self._folders.open(parents))

    def put_in_place(self, token: str) -> Stuck | None:
        """Rename the copies of a committed session, as far as that is still to be done, by anybody, at any time."""
        count, first, why = 0, f"{OURS}/{token}.tsv", ""
        try:
            for copy, pure, size in self._copies(token):
                try:
                    replace(self._folders.open(pure.parent.parts), copy, pure.name, size)
                except FileNotFoundError:  # it is in its place
                    continue
                except OSError as error:
                    count += 1
                    if count == 1:
                        first, why = str(pure), error.strerror or str(error)
            if count:
                return Stuck(count, first, why)
            first = MANIFEST
            self._show_manifest(token)
        except OSError as error:
            return Stuck(1, first, error.strerror or str(error))
        finally:
            self._folders.close()
        return None

    def _show_manifest(self, token: str) -> None:
        ours = os.dup(self._folders.open((OURS,)))
        try:
            with contextlib.suppress(FileNotFoundError):  # somebody was faster
                os.rename(f"{token}.manifest", MANIFEST, src_dir_fd=ours, dst_dir_fd=self._folders.open(()))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{token}.tsv", dir_fd=ours)
        finally:
            os.close(ours)

    def _clear(self, token: str) -> None:
        """Remove the copies of a session that never committed, and its lists."""
        with contextlib.suppress(OSError):
            for copy, pure, _size in self._copies(token):
                with contextlib.suppress(OSError):
                    os.unlink(copy, dir_fd=self._folders.open(pure.parent.parts))
        for ending in ("manifest", "tsv"):  # as long as there is the latter, this is tried again
            with contextlib.suppress(OSError):
                os.unlink(f"{token}.{ending}", dir_fd=self._folders.open((OURS,)))

    def _copies(self, token: str) -> Iterator[tuple[str, PurePosixPath, int]]:
        """(name, file whose place it takes, size) of each copy in the list of a session. The last line may be cut."""
        try:
            folder = self._folders.open((OURS,))
            handle = os.open(f"{token}.tsv", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        except FileNotFoundError:
            if not (
                self._path / OURS / MARK
            ).exists():  # it is not this folder, as when a disk is not mounted
                raise
            return
        with os.fdopen(handle, encoding="utf-8", newline="\n", errors="replace") as lines:
            for number, line in enumerate(lines):
                path, *rest = line.rstrip("\n").split("\t")
                if rest[2:] and rest[2] in COPIED:
                    yield self._copy_of(token, number), PurePosixPath(path), int(rest[0])
                elif not line.endswith("\n"):
                    yield self._copy_of(token, number), PurePosixPath(path), 0

    def _copy_of(self, token: str, line: int) -> str:
        return f"{OURS}-{token}-{line}"

    def _stat(self, pure: PurePosixPath) -> os.stat_result | None:
        try:
            return os.stat(pure.name, dir_fd=self._folders.open(pure.parent.parts), follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _open(self, pure: PurePosixPath) -> IO[bytes] | None:
        try:
            folder = self._folders.open(pure.parent.parts)
            handle = os.open(pure.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            return None
        return os.fdopen(handle, "rb")

    @contextlib.contextmanager
    def _plainly(self, path: str = "") -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ObmenError(
                N_("{folder}: images cannot be kept there: {error}; {cure}"),
                folder=(self._path / path).parent if path else self._path,
                error=error.strerror or error,
                cure=cure_of(error, "images.path"),
            ) from error
