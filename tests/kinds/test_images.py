"""Which pictures of an export come into the folder of images, and what is counted and told of them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from picture_exports import files, manifest, write
from shops import Shop

from importers.catalog import open_catalog
from importers.commerceml import open_export
from importers.kinds import Counts, Job, Options, Reject, images


async def test_new_changed_missing_and_orphaned_images(shop: Shop, tmp_path: Path) -> None:
    source = write(
        tmp_path / "1c",
        {
            "import_files/aa/1.jpg": b"one",
            "import_files/aa/2.jpg": b"two",
            "import_files/aa/9.jpg": b"nobody's",
        },
        p="import_files/aa/1.jpg import_files/aa/2.jpg",
        q="import_files/aa/3.jpg",
    )
    told = await shop.take(open_export(source), "catalog", "images")
    assert (told.counts.read, told.counts.created, told.counts.orphans) == (2, 2, 1)
    assert files(shop.images) == {"import_files/aa/1.jpg": b"one", "import_files/aa/2.jpg": b"two"}
    assert manifest(shop) == {
        "import_files/aa/1.jpg": "new",
        "import_files/aa/2.jpg": "new",
        "import_files/aa/3.jpg": "missing",
    }
    (log,) = told.logs("neither in the export", level="warning")
    assert log.args == {"count": 1, "paths": "import_files/aa/3.jpg"}

    (source / "import_files/aa/1.jpg").unlink()
    write(source, {"import_files/aa/2.jpg": b"TWO"}, p="import_files/aa/2.jpg", q="import_files/aa/3.jpg")
    told = await shop.take(open_export(source), "catalog", "images")
    assert (told.counts.read, told.counts.updated) == (1, 1)
    assert files(shop.images) == {"import_files/aa/1.jpg": b"one", "import_files/aa/2.jpg": b"TWO"}
    assert manifest(shop) == {
        "import_files/aa/1.jpg": "orphaned",
        "import_files/aa/2.jpg": "changed",
        "import_files/aa/3.jpg": "missing",
    }
    assert told.logs("belong to no product")[0].args == {"count": 1}


async def test_an_image_of_an_earlier_export_is_kept(shop: Shop, tmp_path: Path) -> None:
    await shop.take(open_export(write(tmp_path / "1", {"i/1.jpg": b"1"}, p="i/1.jpg")), "catalog", "images")
    told = await shop.take(
        open_export(write(tmp_path / "2", {"i/2.jpg": b"2"}, p="i/1.jpg", q="i/2.jpg")), "catalog", "images"
    )
    assert (told.counts.created, told.counts.orphans) == (1, 0)
    assert manifest(shop) == {"i/1.jpg": "kept", "i/2.jpg": "new"}


async def test_a_file_that_vanished_from_the_folder_is_put_back(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"i/1.jpg": b"1"}, p="i/1.jpg"))
    await shop.take(export, "catalog", "images")
    (shop.images / "i/1.jpg").unlink()
    told = await shop.take(export, "images")
    assert (told.counts.updated, told.counts.unchanged) == (1, 0), "it was not as it is now"
    assert files(shop.images) == {"i/1.jpg": b"1"}
    assert (await shop.take(export, "images")).counts.unchanged == 1


@pytest.mark.parametrize("how", ["fails", "dry run"])
async def test_without_a_commit_the_folder_stays_as_it_was(shop: Shop, tmp_path: Path, how: str) -> None:
    await shop.take(open_export(write(tmp_path / "1", {"i/1.jpg": b"old"}, p="i/1.jpg")), "catalog", "images")
    before = files(shop.images)
    export = open_export(write(tmp_path / "2", {"i/1.jpg": b"new", "i/2.jpg": b"2"}, p="i/1.jpg i/2.jpg"))
    if how == "fails":

        def fail(_transaction: object) -> None:
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await shop.take(export, "catalog", "images", before_end=fail)
    else:
        told = await shop.take(export, "catalog", "images", options=Options(dry_run=True))
        assert (told.counts.created, told.counts.updated) == (1, 1)
    assert files(shop.images) == before


async def test_an_export_without_images_is_not_silently_done(shop: Shop, tmp_path: Path) -> None:
    await shop.take(open_export(write(tmp_path / "1", {}, p="i/1.jpg")), "catalog")
    for source in (
        write(tmp_path / "1", {}, p="i/1.jpg"),
        write(tmp_path / "2", {"i/2.jpg": b"2"}, q="i/3.jpg"),
    ):
        told = await shop.take(open_export(source), "images")
        assert told.counted.empty
        assert told.logs("nothing of it in this export", level="warning")


# What is a picture


async def test_an_image_below_an_image_is_a_reject(shop: Shop, tmp_path: Path) -> None:
    source = write(tmp_path / "1c", {"a": b"a", "x/a/b.jpg": b"b", "a.jpg": b"c"}, p="a a/b.jpg a.jpg")
    told = await shop.take(open_export(source), "catalog", "images")
    assert [reject.record_id for reject in told.rejects] == ["a/b.jpg"]
    assert files(shop.images) == {"a": b"a", "a.jpg": b"c"}


async def test_addresses_are_not_asked_for(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg"))
    await shop.take(export, "catalog")
    for position, address in enumerate(("http://example.org/1.jpg", "HTTPS://example.org/1.jpg"), 1):
        insert = "INSERT INTO product_image (product_id, position, path) VALUES ('p', ?, ?)"
        shop.hand.change(insert, position, address)
    told = await shop.take(export, "images")
    assert told.counts == Counts(read=1, created=1)
    assert manifest(shop) == {"1.jpg": "new"}


async def test_any_file_of_the_export_may_be_a_picture(shop: Shop, tmp_path: Path) -> None:
    names = ["manual.pdf", "i/drawing.svg", "scan.tif", "notes.TXT", "bare"]
    source = write(tmp_path / "1c", {name: name.encode() for name in names}, p=" ".join(names))
    told = await shop.take(open_export(source), "catalog", "images")
    assert (told.counts.created, told.counts.orphans) == (len(names), 0)
    assert files(shop.images) == {name: name.encode() for name in names}


@pytest.mark.parametrize(
    "path",
    [
        "a.php",
        "A.PHP",
        "x.php.jpg",
        "y.phtml",
        ".htaccess",
        "a/.user.ini",
        "web.config",
        "page.html",
        "do.cgi",
        "s.js",
    ],
)
async def test_what_a_web_server_runs_is_no_picture(shop: Shop, tmp_path: Path, path: str) -> None:
    source = write(
        tmp_path / "1c", {path: b"evil", "php.jpg": b"1", "a.py.png": b"2"}, p=f"{path} php.jpg a.py.png"
    )
    told = await shop.take(open_export(source), "catalog", "images")
    (reject,) = told.rejects
    assert (reject.record_id, told.counts.created) == (path, 2)
    assert "web server" in reject.reason
    assert files(shop.images) == {"php.jpg": b"1", "a.py.png": b"2"}


async def test_bad_paths_do_not_pile_up(shop: Shop, tmp_path: Path) -> None:
    export = open_export(write(tmp_path / "1c", {"1.jpg": b"1"}, p="1.jpg"))
    await shop.take(export, "catalog")
    shop.hand.change(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000) "
        "INSERT INTO product_image (product_id, position, path) "
        "SELECT 'bad', n, '../' || substr(CAST(1000000 + n AS TEXT), 2) || ? || '.jpg' FROM n",
        "0" * 200,
    )
    catalog = await open_catalog(shop.url)
    async with catalog.transaction(journal_id="j", session_id=1, task_id="t", fence=1) as transaction:
        job = Job(1, "images", export, transaction, Options(force=True), images_path=str(shop.images))
        tracemalloc.start()
        try:
            rejects, peak_of_half = 0, 0
            async for event in images.run(job):
                rejects += isinstance(event, Reject)
                if rejects == 20_000 and not peak_of_half:
                    peak_of_half = tracemalloc.get_traced_memory()[1]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    await catalog.close()
    assert rejects == 40_000
    assert peak < peak_of_half + 5_000_000
