"""Where records are read and what is wanted of them; how a record tells its id, or why it has none."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from importers.commerceml import normalise
from importers.commerceml.earlier import PriceTypes
from importers.commerceml.extract.elements import Node, is_empty, is_removed, line_of, value
from importers.commerceml.extract.fragment import fragment_of
from importers.commerceml.records import Record, Rejected, Section, UnitUse
from importers.texts import N_

NO_ID = N_("has no Ид")
NO_NAME = N_("has no Наименование")
BAD_ID = N_("the Ид is none that 1C makes: {value}")


class Context:
    """One section of one file, and the types of records that are wanted of it.

    `price_types`: shared by the files of an export. `used_units`: those that records of this section have named.
    """

    def __init__(
        self,
        file: str,
        wanted: frozenset[type[Record]],
        section: Section,
        price_types: PriceTypes | None = None,
    ) -> None:
        self.file = file
        self.wanted = wanted
        self.section = section
        self.price_types = price_types or PriceTypes()
        self.used_units: set[UnitUse] = set()

    def rejected(
        self, element: etree._Element, record: str, ident: str | None, reason: str, **args: str
    ) -> Rejected:
        fragment = fragment_of(element)
        return Rejected(ident or "", self.file, line_of(element), record, reason, args, fragment)

    def identity(
        self,
        element: etree._Element,
        node: Node,
        record: str,
        read: Callable[[str | None], str | None] = normalise.identity,
    ) -> str | Rejected | None:
        """The Ид of a record, or why it has none; None for an element with nothing in it."""
        try:
            ident = read(value(node, "Ид"))
        except ValueError as error:
            return self.rejected(element, record, None, BAD_ID, value=str(error))
        if ident is None:
            return None if is_empty(element) else self.rejected(element, record, None, NO_ID)
        return ident

    def named(
        self, element: etree._Element, node: Node, record: str
    ) -> tuple[str, str | None] | Rejected | None:
        """Ид and Наименование, both required; of what is removed, the Ид will do."""
        ident = self.identity(element, node, record)
        if not isinstance(ident, str):
            return ident
        name = value(node, "Наименование")
        if name is None and not is_removed(element, node):
            return self.rejected(element, record, ident, NO_NAME)
        return ident, name
