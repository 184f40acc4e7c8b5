"""A source on its way into the journal: what is packed, and what is left of it when the launch comes to nothing."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.engine_stage import Stage, cancelled_everywhere, write_export
from support.launches import attempt, end

from importers.commerceml import open_export
from importers.errors import BadFile, DatabaseError, SourceError
from importers.launch.sending import parcel_of
from importers.sample import EXPORT
from importers.sessions import Outcome
from importers.sessions.uploads import PIECE_BYTES, Uploads
from importers.upload import CHUNK, Parcel

HOUR = 3600


def packed(parcel: Parcel) -> bytes:
    pieces = [piece for _done, piece in parcel.pieces() if piece is not None]
    assert all(len(piece) == PIECE_BYTES for piece in pieces[:-1])
    assert len(pieces[-1]) < PIECE_BYTES
    return b"".join(pieces)


def names(parcel: Parcel) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(packed(parcel))).namelist()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """With all that may lie in a folder of 1C."""
    folder = write_export(tmp_path / "1c")
    (folder / "import_files/ab").mkdir(parents=True)
    for name in ("import_files/ab/1.JPG", "import_files/ab/drawing.pdf", ".hidden.xml", "readme.txt"):
        (folder / name).write_bytes(b"x")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("import.xml", "<КоммерческаяИнформация/>")
    return folder


async def test_only_what_can_be_needed_is_packed(source: Path) -> None:
    assert names(await parcel_of(str(source), ["customers"])) == ["contragents_1_1.xml", "more.zip"]
    assert names(await parcel_of(str(source), ["customers", "images"])) == [
        "contragents_1_1.xml", "import_files/ab/1.JPG", "import_files/ab/drawing.pdf", "more.zip", "readme.txt",
    ]  # fmt: skip
    assert names(await parcel_of(str(source), ["a plug-in"]))[1] == "import_files/ab/1.JPG"


def test_an_archive_goes_as_it_is(source: Path) -> None:
    archive = source / "more.zip"
    assert packed(Parcel(str(archive), pictures=False)) == archive.read_bytes()


def test_the_same_files_make_the_same_bytes(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            other = copy / path.relative_to(source)
            other.parent.mkdir(parents=True, exist_ok=True)
            other.write_bytes(path.read_bytes())
            seconds = path.stat().st_mtime_ns // 10**9  # as a network file system tells it
            os.utime(other, ns=(0, seconds * 10**9))
    ours, theirs = (Parcel(str(folder), pictures=True) for folder in (source, copy))
    assert packed(ours) == packed(theirs)
    assert ours.fingerprint == theirs.fingerprint


def test_it_is_read_like_the_folder(tmp_path: Path) -> None:
    """In the same order, which may hang on the times of files."""
    folder = tmp_path / "1c"
    folder.mkdir()
    for age, name in enumerate(("b.xml", "a.xml", "ц.xml")):
        write_export(tmp_path / "one", {name: name})
        (tmp_path / "one/contragents_1_1.xml").rename(folder / name)
        os.utime(folder / name, (0, 1.7e9 + age * HOUR))
    sent = tmp_path / "sent.zip"
    sent.write_bytes(packed(Parcel(str(folder), pictures=False)))
    of_folder, of_sent = open_export(folder).parts, open_export(sent).parts
    assert [part.name for part in of_sent] == [part.name for part in of_folder] == ["b.xml", "a.xml", "ц.xml"]
    assert [part.modified for part in of_sent] == [part.modified for part in of_folder]


def test_a_file_of_any_year_is_packed(source: Path) -> None:
    for number, year_in_seconds in enumerate((0, 6e9)):
        path = source / f"{number}.xml"
        path.write_bytes(b"")
        os.utime(path, (year_in_seconds, year_in_seconds))
    assert "1.xml" in names(Parcel(str(source), pictures=False))


@pytest.mark.parametrize("change", ["grows", "goes", "comes"])
def test_what_changes_while_it_is_packed_is_refused(source: Path, change: str) -> None:
    pieces = Parcel(str(source), pictures=False).pieces()
    next(pieces)
    if change == "grows":
        with (source / "more.zip").open("ab") as file:
            file.write(b"x")
    elif change == "goes":
        (source / "more.zip").unlink()
    else:
        (source / "new.xml").write_bytes(b"")
    with pytest.raises(BadFile, match=r"(import|let 1C write it) again"):
        list(pieces)


def test_what_cannot_be_sent_is_told_at_once(source: Path) -> None:
    with zipfile.ZipFile(source / "more.zip", "w") as archive:
        archive.writestr("inner.zip", b"")
    with pytest.raises(SourceError, match=r"more.zip: inner.zip cannot be read inside of another archive"):
        Parcel(str(source), pictures=False)
    (source / "more.zip").unlink()
    Path(os.fsdecode(os.fsencode(source) + b"/\xff.xml")).write_bytes(b"")
    with pytest.raises(SourceError, match="not in UTF-8; rename it"):
        Parcel(str(source), pictures=False)
    with pytest.raises(SourceError, match=r"there is no such folder or \.zip; name the one that 1C writes"):
        Parcel(str(source / "nowhere"), pictures=False)


def test_memory_does_not_grow_with_the_source(source: Path) -> None:
    for name in ("large.xml", "large.zip"):
        with (source / name).open("wb") as file:
            file.truncate(64 * CHUNK)
    parcel = Parcel(str(source), pictures=False)
    tracemalloc.start()
    try:
        size = sum(len(piece or b"") for _done, piece in parcel.pieces())
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 64 * CHUNK
    assert peak < 8 * CHUNK


async def test_nothing_is_sent_where_no_session_comes_of_it(stage: Stage) -> None:
    told: list[tuple[int, int]] = []

    async def launch(*kinds: str, **rest: Any) -> Outcome:
        from importers.launch import launch

        request = stage.request(*kinds, send_along=True, **rest)
        return (
            await launch(
                request,
                stage.settings,
                stage.journal,
                dispatcher=stage.dispatcher,
                report=lambda done, total: told.append((done, total)),
            )
        ).outcome

    assert await launch("prices") is Outcome.REFUSED
    assert await launch(source="/nowhere") is Outcome.ERROR
    await stage.launch()
    assert await launch() is Outcome.JOINED
    assert told == []
    await end(stage)
    assert await launch() is Outcome.CREATED
    assert told[-1][0] == told[-1][1] > 0


async def test_what_was_sent_in_vain_is_dropped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody was faster, after the last look."""
    add = Uploads.add

    async def overtaken(self: Uploads, *args: Any) -> None:
        await add(self, *args)
        await stage.launch()

    monkeypatch.setattr(Uploads, "add", overtaken)
    late = await stage.launch(send_along=True)
    assert (late.outcome, late.session and late.session.upload) == (Outcome.JOINED, None)
    assert stage.rows("SELECT * FROM upload") == []


async def test_a_journal_that_is_full_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    add = Uploads.add

    async def full(self: Uploads, name: str, number: int, piece: bytes) -> None:
        if number == 1:
            raise DatabaseError("the disk is full")
        await add(self, name, number, piece)

    monkeypatch.setattr(Uploads, "add", full)
    monkeypatch.setattr("importers.upload.PIECE_BYTES", 1000)
    result = await stage.launch("customers", source=str(EXPORT), send_along=True)
    assert (result.outcome, str(result.reason)) == (Outcome.ERROR, "the disk is full")
    assert (await attempt(stage, result)).outcome is Outcome.ERROR
    assert stage.rows("SELECT * FROM upload") == []


@pytest.mark.parametrize("in_vain", [False, True])
async def test_cancelled_at_any_stop_it_leaves_nothing_that_no_session_needs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, in_vain: bool
) -> None:
    """Also where somebody was faster, so that no session came of it."""
    monkeypatch.setattr("importers.upload.PIECE_BYTES", 150)
    if in_vain:
        add = Uploads.add

        async def overtaken(self: Uploads, *args: Any) -> None:
            await add(self, *args)
            if not await stage.journal.active(await stage.request().target.key()):
                await stage.launch()

        monkeypatch.setattr(Uploads, "add", overtaken)

    async def check() -> None:
        left = stage.rows("SELECT DISTINCT name FROM upload")
        assert left == stage.rows(
            "SELECT upload FROM session WHERE status = 'started' AND upload IS NOT NULL"
        )
        await end(stage)
        assert stage.rows("SELECT * FROM upload") == []
        stage.change("DELETE FROM session")

    await stage.launch(send_along=True)
    await check()
    stops = await cancelled_everywhere(lambda: stage.launch(send_along=True), check)
    assert stops > 20, "some of them between two pieces"
