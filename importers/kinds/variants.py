"""Variants: offers with their characteristics, without prices and stocks (docs/commerceml.md 1.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import OFFER
from importers.events import Event
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads

READS = Reads((OFFER,))


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, *READS.shapes)
    async for event in intake.read():
        yield event
    await intake.define_units()
    async for event in intake.merge(OFFER):
        yield event
    async for event in intake.changes():
        yield event
    for event in intake.finish():
        yield event
