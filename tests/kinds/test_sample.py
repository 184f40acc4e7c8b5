"""The sample export through the real reader, as a folder and as an archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from shops import Shop
from support.engines import Hand

from importers.commerceml import open_export
from importers.kinds import KINDS
from importers.sample import EXPORT, make

ALL_KINDS = tuple(kind for kind in KINDS if kind != "images")


async def test_the_sample_is_imported_whole_and_the_second_time_unchanged(shop: Shop) -> None:
    export = open_export(EXPORT)
    for kind in ALL_KINDS:
        told = await shop.take(export, kind)
        assert told.counts.read > 0
        assert not told.rejects
        assert told.counts.orphans == 0
        before = shop.checksum()
        told = await shop.take(export, kind)
        assert told.counts.unchanged == told.counts.read
        assert shop.checksum() == before
    unknown = "SELECT count(*) FROM price WHERE offer_id NOT IN (SELECT id FROM offer)"
    assert shop.rows(unknown) == [0]
    assert shop.rows("SELECT count(*) FROM product WHERE brand IS NULL AND NOT removed") == [0]


async def test_an_archive_says_the_same_as_the_folder(
    shop: Shop, make_hand: Callable[[str], Hand], tmp_path: Path
) -> None:
    await shop.take(open_export(EXPORT), *ALL_KINDS)
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(EXPORT.rglob("*.xml"), reverse=True):
            packed.write(file, file.relative_to(EXPORT))
    other = Shop(make_hand("other"), tmp_path)
    await other.take(open_export(archive), *reversed(ALL_KINDS))
    assert other.checksum() == shop.checksum()


def test_its_maker_empties_nothing_but_a_sample(tmp_path: Path) -> None:
    make.main([str(tmp_path / "new")])
    made = {path.relative_to(tmp_path / "new") for path in (tmp_path / "new").rglob("*")}
    make.main([str(tmp_path / "new")])
    assert {path.relative_to(tmp_path / "new") for path in (tmp_path / "new").rglob("*")} == made
    for name, text in (("goods/goods_1.xml", "<КоммерческаяИнформация/>"), ("photo.png", "\x89PNG")):
        own = tmp_path / name.partition(".")[0] / name
        own.parent.mkdir(parents=True)
        own.write_text(text)
        with pytest.raises(SystemExit):
            make.main([str(own.parents[name.count("/")])])
        assert own.read_text() == text
    with pytest.raises(SystemExit) as end:
        make.main(["--help"])
    assert end.value.code == 0
    assert not Path("--help").exists()
