"""The shop's folder of images: copies wait beside the files whose places they take until the catalog is committed.

Whose copies they are and whether these were committed is exact, whenever a process dies:
- `.obmen/catalog.json` marks the folder as one catalog's; no other one touches it.
- `.obmen/TOKEN.tsv` lists the files of a session, each before its copy `.obmen-TOKEN-LINE` is made in the folder where
  it will stay. So after the commit there is nothing left to do but to rename files within their folders.
- The catalog holds the token from its commit on until all is in place. A list whose token it does not hold is that of a
  session which never committed, and cleared away, under the catalog's write lock.

The list then becomes `manifest.tsv`, which tells of every file: path, size, SHA-256 and new | changed | unchanged |
kept (not in this export) | missing | orphaned (nothing refers to it any more). Orphaned files stay: only the shop knows
who else shows them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import msgspec

from importers.catalog.tables import ImageFile
from importers.commerceml.beneath import Folders, create
from importers.errors import ObmenError, cure_of
from importers.kinds.image_mark import Mark, Stuck
from importers.shared_files import make_folder
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.commerceml.parts import Part

OURS = ".obmen"
"""The folder of mark and lists; our other names begin so. No image may have such a name anywhere."""
MARK = "catalog.json"
MANIFEST = "manifest.tsv"
COPIED = ("new", "changed")
CHUNK = 1 << 20

LINK = N_("the path of the image goes through a link in the folder of images; put a folder in its place")
_RUN = re.compile(
    r"\.(?:[ac]sp|aspx|ashx|asmx|asa|cer|jspx?|jspf|cfm|f?cgi|pl|pm|py|rb|sh|s?html?|xhtml|mht(?:ml)?|m?js|swf|wasm|xml|xslt?"
    r"|config|ini)$",
    re.IGNORECASE,
)
_RUN_ANYWHERE = re.compile(r"\.(?:ph(?:p\d?|ps|t|tml|ar))(?:\.|$)", re.IGNORECASE)
"""The folder of images is often one that a web server serves. Some servers run `x.php.jpg`, too."""
DAMAGED = N_("the copy is damaged; import images again")
IN_THE_WAY = N_("the folder of images has a folder in place of the image, or a file in place of its folder")


class ImageFolder:
    """Nothing that has a name in `path` changes before `put_in_place`. `write` False: nothing at all, as in a dry run.

    `stage`, `note_absent`, `refuses` in the order of the paths.
    """

    def __init__(self, path: Path, *, write: bool = True) -> None:
        self.token = secrets.token_hex(8)
        self.copied = 0
        self._path = path
        self._write = write
        self._folders = Folders(path)
        self._list: IO[str] | None = None
        self._lines = 0
        self._marked = False
        """Whether the folder was nobody's before."""
        self._above: list[str] = []
        """Paths that were staged of which each begins with the one before: those above the next one are among them."""

    def prepare(self, mark: Mark, committed: Collection[str]) -> None:
        """Finish or clear away what earlier sessions left; `committed`: tokens that the catalog holds. Raises
        ObmenError when the folder is another catalog's, or cannot be written."""
        if self._write:
            with self._plainly():
                make_folder(self._path)
        with self._plainly(f"{OURS}/{MARK}"):
            if not self._write:
                self._refuse_other(mark, self._read_mark())
                return
            self._claim(mark)
            with os.scandir(self._path / OURS) as listed:
                tokens = [entry.name[:-4] for entry in listed if entry.name.endswith(".tsv")]
            for token in sorted(tokens):
                if token not in committed:
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
            handle = create(self._folders.open((OURS,)), f"{self.token}.tsv")
            # Not a `with`: settle or discard close it when the import ends.
            self._list = os.fdopen(handle, "w", encoding="utf-8", newline="\n")

    def refuses(self, path: str) -> str | None:
        """Why an image cannot have this path; None: it can."""
        pure = PurePosixPath(path)
        if (
            pure.is_absolute()
            or ".." in pure.parts
            or "\\" in path
            or any(ord(sign) < 32 or ord(sign) == 127 for sign in path)
            or any(piece.startswith(OURS) for piece in pure.parts)
            or pure.parts[:1] in ((), (MANIFEST,))
        ):
            return N_("the path of the image is not one inside of the folder of images")
        if (
            any(piece.startswith(".") for piece in pure.parts)
            or _RUN_ANYWHERE.search(path)
            or _RUN.search(path)
        ):
            return N_("it is no picture but something that a web server would run or show as a page")
        if any(len(os.fsencode(piece)) > 255 for piece in pure.parts) or len(os.fsencode(path)) > 3000:
            return N_("the path of the image is too long")
        with self._plainly(path):
            return self._in_the_way(pure)

    def _in_the_way(self, pure: PurePosixPath) -> str | None:
        while self._above and not str(pure).startswith(self._above[-1]):
            self._above.pop()
        if any(str(pure).startswith(f"{outer}/") for outer in self._above):
            return IN_THE_WAY
        try:
            mode = self._stat(pure)
        except NotADirectoryError:
            links = any((self._path / parent).is_symlink() for parent in pure.parents[:-1])
            return LINK if links else IN_THE_WAY
        if mode is None or stat.S_ISREG(mode.st_mode):
            return None
        return LINK if stat.S_ISLNK(mode.st_mode) else IN_THE_WAY

    def stage(self, path: str, part: Part) -> tuple[ImageFile, bool]:
        """Compare a picture of the export with the folder's, and copy it if it differs; whether it does.

        Raises BadFile when it changes meanwhile, ObmenError when it cannot be written.
        """
        pure = PurePosixPath(path)
        with self._plainly(path):
            self._above.append(str(pure))
            known = self._open(pure)
            state = "changed" if known else "new"
            if known:
                with known:
                    size, digest, same = _compared(part, known)
                if same:
                    self._note(path, size, digest, "unchanged")
                    return ImageFile(path, size, digest), False
            if self._list:
                size, digest = self._copy(pure, part, state, self._list)
            elif not known:
                size, digest, _same = _compared(part, None)
            self.copied += 1
        return ImageFile(path, size, digest), True

    def _copy(self, pure: PurePosixPath, part: Part, state: str, lines: IO[str]) -> tuple[int, str]:
        # Whoever clears up must know of the copy before it is there.
        lines.write(f"{pure}\t")
        lines.flush()
        folder = self._folders.open(pure.parent.parts, make=True)
        if state == "changed":
            _refuse_irreplaceable(folder, pure.name)
        with os.fdopen(create(folder, self._copy_of(self.token, self._lines)), "wb") as file:
            size, digest, _same = _compared(part, None, file.write)
        lines.write(f"{size}\t{digest}\t{state}\n")
        self._lines += 1
        return size, digest

    def note_absent(self, path: str) -> bool:
        """Note an image that the export does not hold; whether the folder has it from an earlier one."""
        with self._plainly(path):
            known = self._stat(PurePosixPath(path))
            self._note(path, known.st_size if known else 0, "", "kept" if known else "missing")
        return known is not None

    def note_orphaned(self, path: str, size: int, digest: str) -> None:
        """Note a file that nothing refers to any more."""
        with self._plainly():
            self._note(path, size, digest, "orphaned")

    def settle(self) -> None:
        """Before the commit, while it can be refused: the list must be on the disk. Raises ObmenError."""
        if self._list:
            with self._plainly():
                self._list.flush()
                os.fsync(self._list.fileno())
                self._list.close()

    def committed(self) -> None:
        """After the commit. Copies are put in place by whoever finds their token in the catalog; without any, the
        list is all there is."""
        if self._list and not self.copied:
            self.put_in_place(self.token)
        self._folders.close()

    def discard(self) -> None:
        """Nothing was committed: clear away."""
        if self._list:
            with contextlib.suppress(OSError):  # what is still to be written is not wanted any more
                self._list.close()
            self._clear(self.token)
        if self._marked:
            with contextlib.suppress(OSError):
                os.unlink(MARK, dir_fd=self._folders.open((OURS,)))
        for *parents, name in reversed(self._folders.made):
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=self._folders.open(parents))
        self._folders.close()

    def put_in_place(self, token: str) -> Stuck | None:
        """Rename the copies of a committed session, as far as that is still to be done, by anybody, at any time."""
        count, first, why = 0, f"{OURS}/{token}.tsv", ""
        try:
            for copy, pure, size in self._copies(token):
                try:
                    _replace(self._folders.open(pure.parent.parts), copy, pure.name, size)
                except FileNotFoundError:  # it is in its place
                    continue
                except OSError as error:
                    count += 1
                    if count == 1:
                        first, why = str(pure), error.strerror or str(error)
            if count:
                return Stuck(count, first, why)
            first = MANIFEST
            self._list_to_manifest(token)
        except OSError as error:
            return Stuck(1, first, error.strerror or str(error))
        finally:
            self._folders.close()
        return None

    def _list_to_manifest(self, token: str) -> None:
        ours = os.dup(self._folders.open((OURS,)))
        try:
            with contextlib.suppress(FileNotFoundError):  # somebody was faster
                os.rename(f"{token}.tsv", MANIFEST, src_dir_fd=ours, dst_dir_fd=self._folders.open(()))
        finally:
            os.close(ours)

    def _clear(self, token: str) -> None:
        """Remove the copies of a session that never committed, and their list."""
        with contextlib.suppress(OSError):
            for copy, pure, _size in self._copies(token):
                with contextlib.suppress(OSError):
                    os.unlink(copy, dir_fd=self._folders.open(pure.parent.parts))
        with contextlib.suppress(OSError):
            os.unlink(f"{token}.tsv", dir_fd=self._folders.open((OURS,)))

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

    def _note(self, path: str, size: int, digest: str, state: str) -> None:
        if self._list:
            self._list.write(f"{path}\t{size}\t{digest}\t{state}\n")
            self._lines += 1

    def _read_mark(self) -> bytes:
        try:
            folder = self._folders.open((OURS,))
            handle = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            return b""
        with os.fdopen(handle, "rb") as file:
            return file.read()

    def _claim(self, mark: Mark) -> None:
        text = msgspec.json.encode(mark)
        if self._read_mark() == text:
            return
        folder = self._folders.open((OURS,), make=True)
        with contextlib.suppress(FileExistsError):
            os.close(create(folder, MARK))
            self._marked = True
        with os.fdopen(os.open(MARK, os.O_RDWR | os.O_NOFOLLOW, dir_fd=folder), "r+b") as file:
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(file, fcntl.LOCK_EX)
            self._refuse_other(mark, file.read())
            file.seek(0)
            file.write(text)
            file.truncate()

    def _refuse_other(self, mark: Mark, written: bytes) -> None:
        """An empty mark is one whose writer died."""
        if not written:
            return
        try:
            other = msgspec.json.decode(written, type=Mark)
        except msgspec.MsgspecError:
            other = Mark("", "", "?")
        if not mark.may_follow(other):
            raise ObmenError(
                N_(
                    "{folder}: holds the images of another catalog, {path}; set images.path to another folder, "
                    "or remove {mark} if that catalog is gone"
                ),
                folder=self._path,
                path=other.path,
                mark=self._path / OURS / MARK,
            )

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


def _compared(
    part: Part, known: IO[bytes] | None, write: Callable[[bytes], int] | None = None
) -> tuple[int, str, bool]:
    """Size and SHA-256 of a picture of the export, and whether the known file has the same bytes."""
    from importers.commerceml.parts import open_part

    size = 0
    digest = hashlib.sha256()
    same = known is not None
    with open_part(part) as picture:
        while chunk := picture.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if write:
                write(chunk)
            same = same and known is not None and known.read(len(chunk)) == chunk
    return size, digest.hexdigest(), same and known is not None and not known.read(1)


def _replace(folder: int, copy: str, name: str, size: int) -> None:
    if os.stat(copy, dir_fd=folder, follow_symlinks=False).st_size != size:
        # After a power cut, as to wait for the disk with every copy takes long.
        os.unlink(copy, dir_fd=folder)
        raise OSError(errno.EIO, DAMAGED)
    os.rename(copy, name, src_dir_fd=folder, dst_dir_fd=folder)


def _refuse_irreplaceable(folder: int, name: str) -> None:
    """Raises PermissionError for a file that no rename could replace: another account's in a sticky folder, or one
    with the attribute immutable."""
    where, what = os.fstat(folder), os.stat(name, dir_fd=folder, follow_symlinks=False)
    if where.st_mode & stat.S_ISVTX and os.geteuid() not in (0, where.st_uid, what.st_uid):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder))
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
