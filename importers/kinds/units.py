"""Units of measure that records use: defined where no export defines them, and written by their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importers.catalog.tables import UNIT
from importers.commerceml.earlier import NeedsEarlier
from importers.commerceml.records import UnitUse

if TYPE_CHECKING:
    from importers.catalog.protocol import CatalogTransaction

MANY_UNITS = 10_000
LONGEST_UNIT = 255
"""Characters of what is taken for the code or a name of a unit."""


class Units:
    """Those that an export uses."""

    def __init__(self) -> None:
        self._uses: dict[str, UnitUse] = {}
        self.changed = False
        """Whether `define` wrote anything."""
        self.repeats = True
        """Whether it would find all as it left it."""

    def add(self, used: UnitUse) -> None:
        """The first word on a unit counts, later ones fill its gaps."""
        known = self._uses.get(used.code)
        if max(len(text or "") for text in _fields(used)) > LONGEST_UNIT:
            return
        if known is None:
            if len(self._uses) < MANY_UNITS:
                self._uses[used.code] = used
        elif known != used:
            filled = (mine or other for mine, other in zip(_fields(known), _fields(used), strict=True))
            self._uses[used.code] = UnitUse(*filled)  # type: ignore[arg-type]

    def extend(self, other: Units) -> None:
        """Add those that an export uses behind these. Raises NeedsEarlier where some of them were dropped."""
        if len(other._uses) >= MANY_UNITS:
            raise NeedsEarlier
        for used in other._uses.values():
            self.add(used)

    async def define(self, catalog: CatalogTransaction) -> dict[str, str]:
        """Make rows of those that nobody defined; the codes that names of units stand for."""
        held = {
            row[0]: row
            async for row in catalog.rows("SELECT code, short_name, full_name, international FROM unit")
        }
        codes: dict[str, str] = {}
        for at in (1, 2, 3):
            for code in sorted([*held, *self._uses]):
                row = held.get(code) or _fields(self._uses[code])
                if row[at] and row[at] != code and row[at] not in held:
                    codes.setdefault(str(row[at]), code)
        new, changed = [], []
        for code, used in self._uses.items():
            if code in codes:
                continue
            row = held.get(code, (code, None, None, None))
            filled = tuple(was or now for was, now in zip(row, _fields(used), strict=True))
            if code not in held:
                new.append(filled)
            elif filled != row:
                changed.append(filled)
        self.changed = bool(new or changed)
        # What filled a gap is taken away by the next record that tells the unit; a code that is written by another one
        # is once more written by that.
        self.repeats = not changed and codes.keys().isdisjoint(codes.values())
        await catalog.insert(UNIT.table, new)
        await catalog.update(UNIT.table, UNIT.table.columns[1:], changed)
        return codes


def _fields(used: UnitUse) -> tuple[str | None, ...]:
    return used.code, used.short_name, used.full_name, used.international
