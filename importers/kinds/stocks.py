"""Stocks: quantities of offers by warehouse (docs/commerceml.md, 1.4).

In a full export, and where a total stands beside and says so, what is told of an offer is all of it; else a quantity
that is not told stays as it was.

An export that does not tell warehouses apart gives the quantity of warehouse "": it replaces those by warehouse
of the same offer, and they replace it, so that a sum over an offer's rows is always its stock. A quantity replaced
like this counts as read and removed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from importers.catalog.tables import STOCK, WAREHOUSE
from importers.events import Event
from importers.kinds.changes import LostStocks
from importers.kinds.intake import Intake
from importers.kinds.protocol import Job
from importers.kinds.staged import Reads
from importers.kinds.summary import Totals
from importers.texts import N_

READS = Reads((WAREHOUSE, STOCK), Totals)


async def run(job: Job) -> AsyncIterator[Event]:
    intake = Intake(job, *READS.shapes, needs=STOCK)
    lost, totals = LostStocks(), Totals()
    async for event in intake.read(totals):
        yield event
    for event in totals.report():
        yield event
    async for event in intake.merge(WAREHOUSE):
        yield event
    async for event in intake.merge(STOCK, lost.observe):
        yield event
    async for event in intake.define_missing(
        STOCK,
        WAREHOUSE,
        N_("Warehouses that the export defines nowhere, named by their ids ({count}): {ids}"),
    ):
        yield event
    async for event in lost.report(job.catalog):
        yield event
    async for event in intake.changes(stocks=lost):
        yield event
    for event in intake.finish():
        yield event
