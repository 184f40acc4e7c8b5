"""Images: the picture files of products and offers, copied into the shop's folder of images.

Which images a product has, `catalog` imports; this kind brings the files themselves, as 1C often sends them in
another session than their products. One record is one file of the export that a product or offer refers to; a file
that is referred to but is neither in the export nor in the folder is missing, counted among the orphans.

Copied, not linked: 1C overwrites its files in place, and a link would show the half-written one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from importers.catalog import FIRST_FEW
from importers.catalog.tables import IMAGE
from importers.commerceml.records import Rejected
from importers.errors import ObmenError
from importers.kinds import Event, Job, Log, Progress
from importers.kinds.image_folder import ImageFolder
from importers.kinds.intake import Intake, some
from importers.texts import N_, _


async def run(job: Job) -> AsyncIterator[Event]:
    pictures = job.export.images()
    if not pictures:
        raise ObmenError(
            _("{kind}: the export has no image file; check what 1C writes to {source}").format(
                kind=job.kind, source=job.export.path
            )
        )
    intake = Intake(job, IMAGE)
    folder = ImageFolder(Path(job.images_path), write=not job.options.dry_run)
    job.catalog.on_rollback.append(folder.discard)
    job.catalog.on_commit.append(folder.put_in_place)
    await asyncio.to_thread(folder.prepare)

    total = len({picture.name for picture in pictures.values()})
    counts = intake.tables[IMAGE.table.name]
    missing: list[str] = []
    async with aclosing(job.catalog.referred_images()) as referred:
        async for (path,) in referred:
            part = pictures.get(path)
            if reason := await asyncio.to_thread(folder.refuses, path):
                yield intake.reject(Rejected(path, part.name if part else "", None, "ImageFile", reason))
            elif part:
                intake.put(IMAGE, [await asyncio.to_thread(folder.take, path, part)])
            elif not folder.keep(path):
                counts.orphans += 1
                missing += [path][: FIRST_FEW - len(missing)]
            if intake.due():
                yield Progress(job.kind, "read", counts.read, max(counts.read, total), counts.read)
    intake.check_read()
    async for event in intake.merge(IMAGE):
        yield event

    if missing:
        yield Log(
            "warning",
            N_("{count} images of products are neither in the export nor in the folder of images: {paths}"),
            {"count": counts.orphans, "paths": some(missing, counts.orphans)},
        )
    orphaned = 0
    async with aclosing(job.catalog.orphaned_images()) as found:
        async for path, size, sha256 in found:
            folder.orphan(path, size, sha256)
            orphaned += 1
    if orphaned:
        yield Log(
            "info",
            N_(
                "{count} files in the folder of images belong to no product any more; manifest.tsv lists them"
            ),
            {"count": orphaned},
        )
    for event in intake.finish():
        yield event
    await asyncio.to_thread(folder.settle)
