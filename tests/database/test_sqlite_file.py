"""A file of SQLite that is removed or replaced while it is open: nothing is called done that is lost with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from importers.database.sqlite import SqliteDatabase
from importers.errors import DatabaseError
from importers.sessions import opening


@pytest.fixture
async def opened(tmp_path: Path):
    database = await SqliteDatabase.open(str(tmp_path / "one.sqlite3"), SCHEMA)
    yield database
    await database.close()


SCHEMA = Path(opening.__file__).parent / "schema" / "sqlite"
INSERT = "INSERT INTO launch_key VALUES ('a', 'b', 1)"


def replace(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.touch()


@pytest.mark.parametrize("how", [Path.unlink, replace], ids=["removed", "replaced"])
async def test_it_is_told_before_anything_is_read_or_written(
    opened: SqliteDatabase, tmp_path: Path, how
) -> None:
    how(tmp_path / "one.sqlite3")
    with pytest.raises(DatabaseError, match=r"one\.sqlite3: the file was removed or replaced"):
        await opened.fetch("SELECT 1")
    with pytest.raises(DatabaseError, match="removed or replaced"):
        async with opened.transaction():
            raise AssertionError("a transaction began")
    assert not (how is Path.unlink and (tmp_path / "one.sqlite3").exists()), "a new one was made"


async def test_who_had_a_journal_makes_no_other_in_its_place(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.sqlite3"
    await (await opening.open_journal(url)).close()
    (tmp_path / "journal.sqlite3").unlink()
    with pytest.raises(DatabaseError, match="put it back, or start again"):
        await opening.open_journal(url)
    assert not (tmp_path / "journal.sqlite3").exists()


@pytest.mark.parametrize("how", [Path.unlink, replace], ids=["removed", "replaced"])
async def test_what_was_written_meanwhile_is_not_called_done(
    opened: SqliteDatabase, tmp_path: Path, how
) -> None:
    with pytest.raises(DatabaseError, match="removed or replaced"):
        async with opened.transaction() as db:
            await db.execute(INSERT)
            how(tmp_path / "one.sqlite3")
    assert not db.committed


async def test_a_file_that_was_put_back_is_used_again(opened: SqliteDatabase, tmp_path: Path) -> None:
    path = tmp_path / "one.sqlite3"
    path.rename(tmp_path / "aside")
    with pytest.raises(DatabaseError):
        await opened.fetch("SELECT 1")
    (tmp_path / "aside").rename(path)
    async with opened.transaction() as db:
        await db.execute(INSERT)
    assert len(await opened.fetch("SELECT * FROM launch_key")) == 1
