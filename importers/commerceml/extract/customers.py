"""Customers (docs/commerceml.md, 1.5)."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from importers.commerceml.extract.contacts import address_fields, addresses, contacts
from importers.commerceml.extract.context import NO_NAME, Context
from importers.commerceml.extract.elements import Node, children, distinct, inner, is_removed, value
from importers.commerceml.records import Customer, Record, Rejected


def customer(context: Context, element: etree._Element) -> Iterator[Record | Rejected]:
    if Customer not in context.wanted:
        return
    node = children(element)
    ident = context.identity(element, node, "Customer")
    if not isinstance(ident, str):
        if ident:
            yield ident
        return
    person = " ".join(filter(None, (value(node, part) for part in ("Фамилия", "Имя", "Отчество"))))
    name = value(node, "Наименование") or person or None
    if not name and not is_removed(element, node):
        yield context.rejected(element, "Customer", ident, NO_NAME)
        return
    yield Customer(
        id=ident,
        name=name,
        full_name=value(node, "ПолноеНаименование", "ОфициальноеНаименование"),
        role=", ".join(distinct(node.get("Роль", ()))) or None,
        inn=value(node, "ИНН"),
        kpp=value(node, "КПП"),
        removed=is_removed(element, node),
        okpo=value(node, "КодПоОКПО", "ОКПО"),
        contacts=tuple(contacts(node)),
        addresses=tuple(addresses(node)),
        address_fields=tuple(address_fields(node)),
        accounts=tuple(_accounts(node)),
        representatives=tuple(_representatives(node)),
    )


def _accounts(node: Node) -> Iterator[tuple[str, str, str, str]]:
    for account in inner(node, "РасчетныеСчета", "РасчетныйСчет"):
        fields = children(account)
        bank = next((children(e) for e in fields.get("Банк", ())), {})
        if number := value(fields, "НомерСчета"):
            names = ("Наименование", "БИК", "СчетКорреспондентский")
            name, code, correspondent = (value(bank, field) or "" for field in names)
            yield number, name, code, correspondent


def _representatives(node: Node) -> Iterator[tuple[str, str, str]]:
    """Представитель tells the person itself, or holds it as a Контрагент (2.0x)."""
    for element in inner(node, "Представители", "Представитель"):
        fields = children(element)
        person = next((children(e) for e in fields.get("Контрагент", ())), fields)
        ident, name = value(person, "Ид") or "", value(person, "Наименование") or ""
        if ident or name:
            yield ident, name, value(fields, "Отношение") or value(person, "Отношение") or ""
