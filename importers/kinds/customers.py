"""Customers: Контрагенты with their contacts and addresses (docs/commerceml.md 1.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import CUSTOMER
from importers.events import Event
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads

READS = Reads((CUSTOMER,))


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, *READS.shapes)
    async for event in intake.read():
        yield event
    async for event in intake.merge(CUSTOMER):
        yield event
    async for event in intake.changes():
        yield event
    for event in intake.finish():
        yield event
