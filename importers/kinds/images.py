"""Images: the picture files of products and offers, copied into the shop's folder of images.

Which images a product has, `catalog` imports; this kind brings the files themselves, as 1C often sends them in
another session than their products. One record is one file of the export that a product or offer refers to; a file
that is referred to but is neither in the export nor in the folder is missing, counted among the orphans. Pictures at
an http(s) address are none of its business.

Copied, not linked: 1C overwrites its files in place, and a link would show the half-written one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from importers.catalog.protocol import FIRST_FEW
from importers.catalog.tables import IMAGE
from importers.commerceml.records import Rejected
from importers.events import Event, Log, Progress
from importers.kinds.findings import some
from importers.kinds.image_folder import ImageFolder
from importers.kinds.image_mark import Mark
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.texts import N_

ADDRESSES = ("http://", "https://")
BATCH = 500
"""So many paths at a time go to the catalog."""


async def run(job: Job) -> AsyncIterator[Event]:
    pictures = job.export.images()
    intake = Intake(job, IMAGE)
    if not pictures:
        for event in (*intake.check_read(), *intake.finish()):
            yield event
        return
    folder = ImageFolder(Path(job.images_path), write=not job.options.dry_run)
    job.catalog.on_rollback.append(folder.discard)
    job.catalog.on_commit.append(folder.committed)
    mark = Mark.of(*await job.catalog.identity())
    committed = [token for token, _folder in await job.catalog.waiting_images()]
    await asyncio.to_thread(folder.prepare, mark, committed)

    total = len(pictures)
    counts = intake.tables[IMAGE.table.name]
    missing: list[str] = []
    differing: list[str] = []
    async with aclosing(job.catalog.referred_images()) as referred:
        async for (path,) in referred:
            if path.lower().startswith(ADDRESSES):
                continue
            part = pictures.get(path)
            if reason := await asyncio.to_thread(folder.refuses, path):
                yield intake.reject(Rejected(path, part.name if part else "", None, "ImageFile", reason))
            elif part:
                file, differs = await asyncio.to_thread(folder.stage, path, part)
                intake.put(IMAGE, [file])
                if differs:
                    differing.append(path)
                if len(differing) == BATCH:
                    await job.catalog.images_differ(differing)
                    differing.clear()
            elif not folder.note_absent(path):
                counts.orphans += 1
                missing += [path][: FIRST_FEW - len(missing)]
            if intake.due():
                yield Progress(job.kind, "read", min(counts.read, total), total, counts.read, path)
    await job.catalog.images_differ(differing)
    for event in intake.check_read():
        yield event
    async for event in intake.merge(IMAGE):
        yield event

    if missing:
        yield Log(
            "warning",
            N_("{count} images of products are neither in the export nor in the folder of images: {paths}"),
            {"count": counts.orphans, "paths": some(missing, counts.orphans)},
        )
    orphaned = 0
    async with aclosing(job.catalog.orphaned_images()) as orphans:
        async for path, size, sha256 in orphans:
            folder.note_orphaned(path, size, sha256)
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
    if folder.copied:
        await job.catalog.leave_images_waiting(folder.token, job.images_path)
