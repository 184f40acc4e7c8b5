"""What an export says of itself being whole: by its sections, and what they hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from importers.catalog.tables import Shape
from importers.commerceml.earlier import NeedsEarlier
from importers.commerceml.records import Section
from importers.errors import BadFile
from importers.events import Log
from importers.kinds.findings import some_messages
from importers.texts import N_, Message

LISTERS = ("Классификатор", "ПакетПредложений")
"""Sections whose lists may be full without their saying so."""
GOODS_SECTIONS = ("Каталог", "ПакетПредложений", "ИзмененияПакетаПредложений")
MANY_SCOPES = 10_000
"""Catalogs and classifiers of one export."""


class Sections:
    """All sections that were read, with the shapes of what stood in them."""

    def __init__(self) -> None:
        self._sections: dict[Section, tuple[Shape, ...]] = {}
        self._entered: Section | None = None
        self._shapes: tuple[Shape, ...] = ()
        """Of the one that was entered last."""
        self._scopes: set[str] = set()
        self.unnamed_rejects: set[Shape] = set()
        """Shapes of which records without an id were rejected: any row may be meant."""

    def enter(self, section: Section) -> None:
        if not section.again:
            self._end()
        self._entered = section
        self._scopes |= {section.catalog_id, section.classifier_id}
        if len(self._scopes) > MANY_SCOPES:
            raise BadFile(
                N_("has more catalogs or classifiers than any 1C writes; let 1C write the export again"),
                section.file,
            )

    def add(self, shape: Shape) -> None:
        """A record of this shape stood in the one that was entered last."""
        if shape not in self._shapes:
            self._shapes = (*self._shapes, shape)

    def extend(self, other: Sections) -> None:
        """Add those of the files behind these. Raises NeedsEarlier where they are too many: for the file to be told."""
        if len(self._scopes | other._scopes) > MANY_SCOPES:
            raise NeedsEarlier
        other._end()
        self._end()
        self._sections |= other._sections  # none is in both: each is of its file
        self._scopes |= other._scopes
        self.unnamed_rejects |= other.unnamed_rejects

    def _end(self) -> None:
        if self._entered:
            before = self._sections.get(self._entered, ())
            self._sections[self._entered] = tuple(dict.fromkeys((*before, *self._shapes)))
        self._entered, self._shapes = None, ()

    def full_scopes(
        self, shape: Shape, staged: Collection[str], gaps: Sequence[Message]
    ) -> tuple[set[str | None], list[Log]]:
        """The scopes of which the export holds everything, and why some are not taken for that: absence removes only
        what was exported in full, in all parts, and was read to the last record. `staged`: scopes that records came in;
        `gaps`: missing parts of the export."""
        self._end()
        table = shape.table.name
        all_full: dict[str | None, bool] = {}
        naming = self._naming() if shape.is_reference else {}
        for section, shapes in self._sections.items():
            if shape.is_reference:
                if shape in shapes:
                    scope: str | None = section.scope
                    all_full[scope] = all_full.get(scope, True) and _is_full(section, naming)
            elif section.name in shape.sections and (not shape.facts or shape in shapes):
                scope = section.catalog_id if shape.scope or shape.facts else None
                all_full[scope] = all_full.get(scope, True) and section.full
        full = {
            scope for scope, is_full in all_full.items()
            if is_full and (scope is None or scope in staged)
        }  # fmt: skip
        if full and gaps:
            text = N_("{table}: nothing is removed by absence, as parts of the export are missing: {gaps}")
            return set(), [Log.of("warning", Message.of(text, table=table, gaps=some_messages(gaps)))]
        if full and shape in self.unnamed_rejects:
            return set(), [
                Log(
                    "warning",
                    N_("{table}: nothing is removed by absence, as records without an id were rejected"),
                    {"table": table},
                )
            ]
        return full, []

    def _naming(self) -> Naming:
        """What the sections of goods say of lists that say nothing themselves, see `_is_full`."""
        naming: Naming = {}
        for section in self._sections:
            for lister in LISTERS if section.name == "Каталог" else LISTERS[:1]:
                if section.name in GOODS_SECTIONS:
                    keys = [(section.classifier_id, section.file), (section.classifier_id, None)]
                    for key in keys if section.classifier_id else [*keys, (None, section.file)]:
                        naming[lister, *key] = naming.get((lister, *key), True) and section.full
        return naming


Naming = dict[tuple[str, str | None, str | None], bool]
"""Whether all sections are full that speak for a lister: those that name a classifier in a file, (lister, classifier,
file), or in any file, (lister, classifier, None); those of a file that name none, (lister, None, file)."""


def _is_full(section: Section, naming: Naming) -> bool:
    """Whether the reference data of a section are all that there are. 1C 2.0x says so in the Каталог alone: for a
    Классификатор the sections that name it count, those of the same file where there are any, for the lists of a
    ПакетПредложений the Каталог of the same Классификатор."""
    if section.changes_only is not None or section.name not in LISTERS:
        return section.full
    by_naming = [
        naming.get((section.name, section.classifier_id, section.file)),
        naming.get((section.name, None, section.file)),
        naming.get((section.name, section.classifier_id, None)),
    ]
    beside = [full for full in by_naming[:2] if full is not None]
    return all(beside) if beside else bool(by_naming[2])
