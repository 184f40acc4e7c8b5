"""Prices: what offers cost by price type (docs/commerceml.md, 1.4).

The list of an offer's prices is whole: what it does not tell is not set any more. An offer that a full export does not
tell at all has none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import PRICE, PRICE_TYPE
from importers.events import Event
from importers.kinds.changes import PriceChanges
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads
from importers.kinds.summary import Terms
from importers.texts import N_

READS = Reads((PRICE_TYPE, PRICE), Terms)


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, *READS.shapes, needs=PRICE)
    changes, terms = PriceChanges(), Terms()
    async for event in intake.read(terms):
        yield event
    for event in terms.report():
        yield event
    async for event in intake.merge(PRICE_TYPE):
        yield event
    await intake.define_units(terms.units)
    async for event in intake.keep_unlisted(PRICE, PRICE_TYPE, job.keep_unlisted):
        yield event
    async for event in intake.merge(PRICE, changes.observe):
        yield event
    async for event in intake.define_missing(
        PRICE,
        PRICE_TYPE,
        N_("Price types that the export defines nowhere, named by their ids ({count}): {ids}"),
    ):
        yield event
    async for event in changes.report(job.catalog):
        yield event
    async for event in intake.changes(prices=changes):
        yield event
    for event in intake.finish():
        yield event
