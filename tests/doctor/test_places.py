"""Each place that the settings name, looked at by the doctor: databases, images, log, disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from support.dispatchers import RecordingDispatcher
from support.examination import contents, examine, failing, make_databases, query

from importers.catalog import open_catalog
from importers.database import sqlite
from importers.doctor import Check, places
from importers.kinds.image_mark import Mark
from importers.launch import launching
from importers.processes import this_process
from importers.sessions import open_journal
from importers.settings import Catalog, Settings
from importers.targets import target_of


async def test_databases_that_cannot_be_used(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"no database" * 100)
    assert list(failing(await examine(healthy))) == ["journal"]
    (tmp_path / "journal.sqlite3").unlink()
    await make_databases(healthy)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as db:
        db.execute("UPDATE obmen_schema SET version = 999")
    assert list(failing(await examine(healthy))) == ["catalog"]
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/shop {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr("importers.mounts.MOUNTS", mounts)
    found = await examine(healthy)
    assert list(failing(found)) == ["journal", "catalog"]
    assert "on a network file system (nfs4)" in found["journal"].detail


@pytest.mark.parametrize("name", ["journal", "catalog"])
@pytest.mark.parametrize(
    "sql",
    [
        {"journal": "DROP TABLE attempt", "catalog": "DROP TABLE price"},
        {"journal": "DROP INDEX one_active", "catalog": "ALTER TABLE product DROP COLUMN full_name"},
    ],
)
async def test_a_database_that_has_lost_something(
    healthy: Settings, tmp_path: Path, name: str, sql: dict[str, str]
) -> None:
    await make_databases(healthy)
    query(tmp_path / f"{name}.sqlite3", sql[name])
    before = contents(tmp_path)
    found = await examine(healthy)
    assert list(failing(found)) == [name]
    assert "its tables are not those that obmen made" in found[name].detail
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("DROP TABLE customer", "customer"),
        ("ALTER TABLE product DROP COLUMN full_name", "product.full_name"),
        ("DROP INDEX offer_product; DROP TABLE applied", "applied, offer_product"),
        ("DROP TABLE obmen_schema", "obmen_schema"),
        ("DELETE FROM obmen_schema", "obmen_schema"),
    ],
)
async def test_what_a_database_has_lost_is_named_alone(
    healthy: Settings, tmp_path: Path, sql: str, missing: str
) -> None:
    await make_databases(healthy)
    query(tmp_path / "catalog.sqlite3", sql)
    found = await places.check_database("catalog", healthy)
    assert found.detail.endswith(f"not those that obmen made: missing: {missing}; choose another file")


@pytest.mark.parametrize(
    ("sql", "ok"),
    [
        ("CREATE TABLE product (x)", False),
        ("CREATE TABLE session (x)", True),
        ("CREATE TABLE orders (x)", True),
        ("PRAGMA user_version = 1", True),
    ],
)
async def test_a_database_of_another_program_is_only_looked_at(
    healthy: Settings, tmp_path: Path, sql: str, ok: bool
) -> None:
    """An import adds its tables to those of the shop, unless one has the name of ours."""
    query(tmp_path / "catalog.sqlite3", sql)
    before = contents(tmp_path)
    assert list(failing(await examine(healthy))) == ([] if ok else ["catalog"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["journal", "catalog"])
async def test_a_database_that_another_program_keeps_locked(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    await make_databases(healthy)
    with closing(sqlite3.connect(tmp_path / f"{name}.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        found = await examine(healthy)
    assert list(failing(found)) == [name]
    assert f"locked by process {os.getpid()}" in found[name].detail


async def test_a_catalog_that_an_import_keeps_locked_is_in_order(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    await make_databases(healthy)
    journal = await open_journal(healthy.journal.url)
    request = launching.new_request(healthy, ("customers",))
    launched = await launching.launch(request, healthy, journal, dispatcher=RecordingDispatcher(healthy))
    assert launched.session
    await journal.claim(launched.session.id, await target_of(healthy).key(), this_process(), 30)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as worker:
        worker.execute("BEGIN IMMEDIATE")
        found = await places.check_database("catalog", healthy)
    await journal.close()
    assert (found.ok, "session 1 is writing it" in found.detail) == (True, True), found


async def test_places_that_cannot_be_written(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").touch()
    (tmp_path / "obmen.log").mkdir()
    found = await examine(healthy)
    assert list(failing(found)) == ["images", "log", "one request id per confirm"][:2]
    assert "Not a directory" in found["images"].detail
    assert "Is a directory" in found["log"].detail
    (tmp_path / "images").unlink()
    (tmp_path / "obmen.log").rmdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    for place in (
        places.check_images(healthy),
        places.check_log(tmp_path / "obmen.log"),
        await places.check_database("journal", healthy),
    ):
        assert not place.ok
        assert "Permission denied" in place.detail
        assert place.cure


async def test_pictures_of_another_catalog(healthy: Settings, tmp_path: Path) -> None:
    """Two shops with one folder, or a shop whose database was put aside: an import refuses to begin."""

    def mark(catalog: str) -> None:
        with closing(sqlite3.connect(tmp_path / catalog)) as db:
            (identity,) = db.execute("SELECT id FROM identity").fetchone()
        ours.joinpath("catalog.json").write_bytes(
            msgspec.json.encode(Mark.of(identity, str(tmp_path / catalog)))
        )

    ours = tmp_path / "images" / ".obmen"
    ours.mkdir(parents=True)
    await make_databases(healthy)
    await (await open_catalog(f"sqlite:///{tmp_path}/other.sqlite3")).close()
    mark("catalog.sqlite3")
    before = contents(tmp_path)
    assert list(failing(await examine(healthy))) == []
    empty = msgspec.structs.replace(healthy, catalog=Catalog(url=f"sqlite:///{tmp_path}/empty.sqlite3"))
    (tmp_path / "moved.sqlite3").write_bytes((tmp_path / "catalog.sqlite3").read_bytes())
    moved = msgspec.structs.replace(healthy, catalog=Catalog(url=f"sqlite:///{tmp_path}/moved.sqlite3"))
    for config in (empty, moved):
        found = places.check_images(config)
        assert (found.ok, "the images of another catalog" in found.detail) == (False, True)
        assert f"{tmp_path}/catalog.sqlite3" in found.detail
    (tmp_path / "moved.sqlite3").unlink()
    assert contents(tmp_path) == before
    (tmp_path / "catalog.sqlite3").rename(tmp_path / "moved.sqlite3")
    assert places.check_images(moved).ok, "the same one, in another place"
    (tmp_path / "moved.sqlite3").rename(tmp_path / "catalog.sqlite3")
    mark("other.sqlite3")
    assert list(failing(await examine(healthy))) == ["images"]


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("..")], ids=["file", "link"])
async def test_something_else_in_place_of_our_folder_of_marks(
    healthy: Settings, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "images").mkdir()
    make(tmp_path / "images" / ".obmen")
    found = await examine(healthy)
    assert list(failing(found)) == ["images"]
    assert "images/.obmen" in found["images"].detail
    assert "Not a directory" in found["images"].detail
    (tmp_path / "images" / ".obmen").unlink()
    (tmp_path / "images" / "manifest.tsv").mkdir()
    assert "manifest.tsv: Is a directory" in places.check_images(healthy).detail


@pytest.mark.parametrize("path", ["/proc/obmen", "/sys/obmen"])
async def test_a_place_of_the_kernel_takes_no_files(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Its folders look as if root may write them."""
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n")
    monkeypatch.setattr("importers.mounts.MOUNTS", mounts)
    monkeypatch.setattr(os, "access", lambda *_: True)
    replace = msgspec.structs.replace
    config = replace(healthy, images=replace(healthy.images, path=path))
    config = replace(config, log=replace(config.log, path=f"{path}.log"))
    config = replace(config, journal=replace(config.journal, url=f"sqlite:///{path}.db"))
    for found in (
        places.check_images(config),
        places.check_log(Path(path)),
        await places.check_database("journal", config),
    ):
        assert (found.ok, "on a file system of the kernel" in found.detail) == (False, True)


def test_pictures_on_a_disk_that_is_not_there(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def images(path: str) -> Check:
        return places.check_images(msgspec.structs.replace(healthy, images=type(healthy.images)(path=path)))

    (tmp_path / "mnt disk").mkdir()
    fstab = tmp_path / "fstab"
    mount = f"{tmp_path}/mnt\\040disk"
    fstab.write_text(f"# disks\n\nUUID=1 {mount} ext4 rw 0 2\n/dev/sda1 none swap sw 0 0\n")
    assert images(f"{tmp_path}/mnt disk/images").ok
    monkeypatch.setattr(places, "FSTAB", fstab)
    found = images(f"{tmp_path}/mnt disk/images")
    assert (found.ok, found.detail) == (
        False,
        f"{tmp_path}/mnt disk/images: {tmp_path}/mnt disk is not mounted",
    )
    assert images(f"{tmp_path}/images").ok
    assert "mount the disk" in images(f"{tmp_path}/gone/images").detail


async def test_a_full_disk(healthy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=2**20))
    assert list(failing(await examine(healthy))) == ["journal", "catalog"]
