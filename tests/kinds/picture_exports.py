"""Exports with pictures, and what their import leaves in the folder of images."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from shops import Shop

from importers.commerceml import open_export
from importers.kinds.image_folder import ImageFolder

XML = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.05"><Каталог СодержитТолькоИзменения="true"><Ид>c</Ид><Товары>{goods}</Товары>
</Каталог></КоммерческаяИнформация>"""


def write(folder: Path, images: dict[str, bytes], **products: str) -> Path:
    """An export with picture files; `products`: their images, separated by blanks."""
    goods = "".join(
        f"<Товар><Ид>{ident}</Ид><Наименование>{ident}</Наименование>"
        + "".join(f"<Картинка>{path}</Картинка>" for path in paths.split())
        + "</Товар>"
        for ident, paths in products.items()
    )
    folder.mkdir(exist_ok=True)
    (folder / "import.xml").write_text(XML.format(goods=goods), encoding="utf-8")
    for path, content in images.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds, also what waits, without mark and manifest."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("manifest.tsv", "catalog.json")
    }


def manifest(shop: Shop) -> dict[str, str]:
    lines = (shop.images / "manifest.tsv").read_text(encoding="utf-8").splitlines()
    return {line.split("\t")[0]: line.split("\t")[3] for line in lines}


PICTURES = {f"i/{n}.jpg": bytes([n]) for n in range(10)}


def pictures(source: Path) -> Any:
    return open_export(write(source, PICTURES, p=" ".join(PICTURES)))


async def dies_after_its_commit(shop: Shop, source: Path, renames: int = 0) -> None:
    """A worker that is killed when so many copies are in their places."""
    await shop.take(pictures(source), "catalog", "images", put_in_place=False)
    assert shop.rows("SELECT count(*) FROM image") == [len(PICTURES)]
    ((token, folder),) = shop.rows("SELECT token, folder FROM images_waiting")
    with pytest.MonkeyPatch.context() as patch:
        rename, calls = os.rename, itertools.count()

        def rename_and_die(*args: Any, **rest: Any) -> None:
            if next(calls) == renames:
                raise KeyboardInterrupt
            rename(*args, **rest)

        patch.setattr(os, "rename", rename_and_die)
        with pytest.raises(KeyboardInterrupt):
            ImageFolder(Path(folder)).put_in_place(token)
