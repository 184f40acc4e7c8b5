"""Attributes: properties and their allowed values alone. Brands of products follow them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import PROPERTY, PROPERTY_VALUE
from importers.events import Event, Log
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads
from importers.texts import N_

READS = Reads((PROPERTY, PROPERTY_VALUE))


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, *READS.shapes)
    async for event in intake.read():
        yield event
    for shape in (PROPERTY, PROPERTY_VALUE):
        async for event in intake.merge(shape):
            yield event
    if brands := await job.catalog.resolve_brands():
        text = N_("New property values changed the brand of products: {count}")
        yield Log("info", text, {"count": brands}, once=True)
    async for event in intake.changes():
        yield event
    for event in intake.finish():
        yield event
