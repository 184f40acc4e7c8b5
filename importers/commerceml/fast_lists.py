"""The lists in a product or an offer by the fast way, `fast_goods.py`. What reads one is given where its inside begins
and ends in a text; it says None for anything that it does not know."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from importers.commerceml import normalise
from importers.commerceml.fast_markup import LONGEST_KNOWN, PLAIN, SPECIAL, S, compiled, without_references

IMAGE = "Картинка"


def _field(name: str) -> str:
    return rf"<{name}(?:{S}/>|>([^<]*)</{name}>){S}"


def _items(name: str, *fields: str) -> str:
    return rf"<{name}>{S}{''.join(fields)}</{name}>"


class Rows:
    """The texts in each item; an item has so many tags, and two more with the element that it may have."""

    def __init__(self, item: str, tags: int, optional: str = "") -> None:
        self.inside = rf"{S}(?:{item.replace('([^<]*)', '[^<]*')}{S})*+"
        """Matches what holds such items and nothing else."""
        self._item = item
        self._tags = tags
        self._optional = optional

    def __call__(self, text: str, at: int, end: int) -> list[Any] | None:
        rows = compiled(self._item).findall(text, at, end)
        expected = self._tags * len(rows)
        if self._optional:
            expected += 2 * text.count(f"<{self._optional}", at, end)
        if text.count("<", at, end) + text.count("/>", at, end) != expected:
            return None
        return rows if text.find("&", at, end) < 0 else _without_references(rows)

    def regular(self, text: str, at: int, end: int) -> list[Any]:
        """Of what `inside` matches."""
        rows = compiled(self._item).findall(text, at, end)
        return rows if text.find("&", at, end) < 0 else _without_references(rows)


def _without_references(rows: list[Any]) -> list[Any]:
    if rows and isinstance(rows[0], str):
        return list(map(without_references, rows))
    return [tuple(map(without_references, row)) for row in rows]


class Maker:
    """(Ид, Наименование)"""

    inside = ""

    def __call__(self, text: str, at: int, end: int) -> tuple[str | None, str | None] | None:
        return _maker(text[at:end]) if end - at <= LONGEST_KNOWN else None

    regular = __call__


@lru_cache(maxsize=1024)
def _maker(inside: str) -> tuple[str | None, str | None] | None:
    fields = _plain_elements(inside)
    if fields is None:
        return None
    names = map(normalise.text, (fields.get("Наименование"), fields.get("ОфициальноеНаименование")))
    return fields.get("Ид"), next(filter(None, names), None)


def _plain_elements(text: str) -> dict[str, str] | None:
    """Plain elements and nothing else, each once."""
    fields = {name: without_references(value) for name, value in compiled(PLAIN).findall(text)}
    tags = text.count("<") + text.count("/>")
    return fields if tags == 2 * len(fields) and SPECIAL.isdisjoint(fields) else None


LISTS: dict[str, tuple[str, Rows | Maker]] = {
    "ЗначенияСвойств": (
        "properties",
        Rows(
            _items(
                "ЗначенияСвойства", _field("Ид"), _field("Значение"), rf"(?:<Тип(?:{S}/>|>[^<]*</Тип>){S})?"
            ),
            6,
            optional="Тип",
        ),
    ),
    "ЗначенияРеквизитов": (
        "requisites",
        Rows(_items("ЗначениеРеквизита", _field("Наименование"), _field("Значение")), 6),
    ),
    "ХарактеристикиТовара": (
        "characteristics",
        Rows(
            _items(
                "ХарактеристикаТовара", f"(?:{_field('Ид')})?", _field("Наименование"), _field("Значение")
            ),
            6,
            optional="Ид",
        ),
    ),
    "Группы": ("groups", Rows(_field("Ид"), 2)),
    "СтавкиНалогов": ("rates", Rows(_items("СтавкаНалога", _field("Наименование"), _field("Ставка")), 6)),
    "Изготовитель": ("maker", Maker()),
}
"""By the name of the element: what it is of a `Written`, and what reads it."""


read_images = Rows(_field(IMAGE), 2)
PACK = _items("Пересчет", _field("Единица"), _field("Коэффициент"))
read_packs = Rows(PACK, 6)
