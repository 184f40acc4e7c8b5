"""Images: the picture files of products and offers, copied into the shop's folder of images.

Which images a product has, `catalog` imports; this kind brings the files themselves, as 1C often sends them in
another session than their products. One record is one file of the export that a product or offer refers to; a file
that is referred to but is neither in the export nor in the folder is missing, counted among the orphans. Pictures at
an http(s) address are none of its business.

Copied, not linked: 1C overwrites its files in place, and a link would show the half-written one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from importers.catalog.external_sort import ExternalSort
from importers.catalog.protocol import FIRST_FEW
from importers.catalog.tables import IMAGE, ImageFile
from importers.commerceml.records import Rejected
from importers.events import AllRead, Event, Log, Progress
from importers.kinds.findings import some
from importers.kinds.image_folder import COPIED, RUN_BYTES, ImageFolder
from importers.kinds.image_mark import Mark
from importers.kinds.image_paths import refused
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads
from importers.texts import N_

if TYPE_CHECKING:
    from importers.commerceml import Part

READS = Reads(())
"""Nothing of XML."""
ADDRESSES = ("http://", "https://")
BATCH = 500
"""So many paths at a time go to the catalog."""


async def run(job: Job) -> AsyncIterator[Event]:
    pictures = job.export.images()
    intake = Intake(job, IMAGE)
    if not pictures:
        yield AllRead()
        for event in (*intake.check_read(), *intake.finish()):
            yield event
        return
    total = len(pictures)
    folder = ImageFolder(Path(job.images_path), write=not job.options.dry_run)
    job.catalog.on_rollback.append(folder.discard)
    job.catalog.on_commit.append(folder.committed)
    async for event in _look_ahead(job, intake, folder, pictures):
        yield event
    yield AllRead()

    counts = intake.tables[IMAGE.table.name]
    missing: list[str] = []
    differing: list[str] = []
    async with aclosing(job.catalog.referred_images()) as referred:
        async for (path,) in referred:
            if path.lower().startswith(ADDRESSES):
                continue
            found, part = folder.found_ahead(path), None
            if found is None:  # it became known since
                part = pictures.get(path)
                if reason := refused(path) or await asyncio.to_thread(folder.refuses, path):
                    yield intake.reject(Rejected(path, part.name if part else "", None, "ImageFile", reason))
                    continue
                found = await asyncio.to_thread(folder.look, path, part)
            folder.note(path, found)
            if found.sha256:
                intake.put(IMAGE, [ImageFile(path, found.size, found.sha256)])
            if found.state in COPIED:
                differing.append(path)
            elif found.state == "missing":
                counts.orphans += 1
                missing += [path][: FIRST_FEW - len(missing)]
            if len(differing) == BATCH:
                await job.catalog.images_differ(differing)
                differing.clear()
            if intake.due():
                yield Progress(job.kind, "read", total, total, counts.read)
    await job.catalog.images_differ(differing)
    for event in intake.check_read():
        yield event
    async for event in intake.merge(IMAGE):
        yield event

    if missing:
        yield Log(
            "warning",
            N_("Images that are neither in the export nor in the folder of images ({count}): {paths}"),
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
                "Files in the folder of images that belong to no product any more: {count}; manifest.tsv lists them"
            ),
            {"count": orphaned},
        )
    for event in intake.finish():
        yield event
    await asyncio.to_thread(folder.settle)
    if folder.copied:
        await job.catalog.leave_images_waiting(folder.token, job.images_path)


async def _look_ahead(
    job: Job, intake: Intake, folder: ImageFolder, pictures: Mapping[str, Part]
) -> AsyncIterator[Event]:
    """Copy what will probably be referred to, before the catalog is kept busy."""
    done = 0
    for path in _different(await _probable(job, folder)):
        if path.lower().startswith(ADDRESSES) or refused(path):
            continue
        if await asyncio.to_thread(folder.refuses, path) is not None:
            continue
        part = pictures.get(path)
        await asyncio.to_thread(folder.look_ahead, path, part)
        done += part is not None
        if intake.due():
            yield Progress(job.kind, "read", min(done, len(pictures)), len(pictures), 0, path)


async def _probable(job: Job, folder: ImageFolder) -> ExternalSort:
    """The paths that products and offers have now, and those that this session has read. `folder` is prepared by the
    way: both need the catalog for a moment."""
    paths = ExternalSort(RUN_BYTES)
    async with job.catalog.look() as catalog:
        mark = Mark.of(*await catalog.identity())
        committed = [token for token, _folder in await catalog.waiting_images()]
        await asyncio.to_thread(folder.prepare, mark, committed)
        async with aclosing(catalog.referred_images()) as referred:
            async for (path,) in referred:
                paths.add(path, b"")
    async with aclosing(job.catalog.staged_images()) as staged:
        async for path in staged:
            paths.add(path, b"")
    return paths


def _different(paths: ExternalSort) -> Iterator[str]:
    """In order."""
    return (path for path, _same in groupby(paths, key=itemgetter(0)))
