"""Prices: what offers cost by price type (COMMERCEML 1.4). A price that is not told stays as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import PRICE, PRICE_TYPE
from importers.kinds import Event, Job
from importers.kinds.intake import Intake
from importers.kinds.summary import Currencies, PriceChanges
from importers.texts import N_


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, PRICE_TYPE, PRICE, needs=PRICE)
    changes, currencies = PriceChanges(), Currencies()
    async for event in intake.read(currencies.see):
        yield event
    for event in currencies.tell():
        yield event
    async for event in intake.merge(PRICE_TYPE):
        yield event
    async for event in intake.merge(PRICE, changes.see):
        yield event
    async for event in intake.define_missing(
        PRICE,
        PRICE_TYPE,
        N_("Price type {id} is defined nowhere in the export; its id is used as its name"),
    ):
        yield event
    async for event in changes.tell(job.catalog):
        yield event
    for event in intake.finish():
        yield event
