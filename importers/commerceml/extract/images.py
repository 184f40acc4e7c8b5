"""Pictures that a record names."""

from __future__ import annotations

from collections.abc import Iterator

from importers.commerceml import normalise
from importers.commerceml.extract.context import Context
from importers.commerceml.extract.elements import Node, text_of
from importers.commerceml.records import Rejected
from importers.texts import N_, shorten

BAD_PATH = N_("the image's path leads out of the export: {value}")


def images_of(context: Context, node: Node, ident: str, into: list[str], *names: str) -> Iterator[Rejected]:
    paths: dict[str, None] = {}
    for name in names:
        for picture in node.get(name, ()):
            written = text_of(picture)
            try:
                path = normalise.image_path(written)
            except ValueError:
                yield context.rejected(
                    picture, "Image", ident, BAD_PATH, value=shorten((written or "").strip(), 200)
                )
                continue
            if path:
                paths[path] = None
    into += paths
