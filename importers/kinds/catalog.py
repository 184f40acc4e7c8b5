"""Catalog: groups, reference data, products and their offers (docs/commerceml.md 1.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import (
    CATALOG,
    CATEGORY,
    OFFER,
    PRICE_TYPE,
    PRODUCT,
    PRODUCT_TYPE,
    PROPERTY,
    PROPERTY_VALUE,
    UNIT,
    WAREHOUSE,
)
from importers.events import Event
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads
from importers.kinds.summary import LostImages

ORDER = (
    CATALOG, PROPERTY, PROPERTY_VALUE, UNIT, PRODUCT_TYPE, WAREHOUSE, PRICE_TYPE, CATEGORY, PRODUCT, OFFER,
)  # fmt: skip
READS = Reads(ORDER)
BRANDED = (PROPERTY, PROPERTY_VALUE, PRODUCT)
"""What a product's brand is made of: where nothing of it was read, in a package of offers, all are as they were."""


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, *READS.shapes)
    lost = LostImages()
    async for event in intake.read():
        yield event
    for shape in ORDER:
        async for event in intake.merge(shape, lost.observe if shape is PRODUCT else None):
            yield event
        if shape is UNIT:
            await intake.define_units()
    if any(intake.tables[shape.table.name].read for shape in BRANDED):
        await job.catalog.resolve_brands()
    async for event in lost.report(job.catalog):
        yield event
    async for event in intake.changes():
        yield event
    for event in intake.finish():
        yield event
