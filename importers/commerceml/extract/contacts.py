"""Where somebody is found: contacts and addresses of customers and warehouses."""

from __future__ import annotations

from collections.abc import Iterator

from importers.commerceml import normalise
from importers.commerceml.extract.elements import Node, children, inner, value


def contacts(node: Node) -> Iterator[tuple[str, str]]:
    for contact in inner(node, "Контакты", "Контакт"):
        fields = children(contact)
        text = value(fields, "Значение", "Представление")
        if text:
            yield value(fields, "Тип", "Вид") or "", text


def addresses(node: Node) -> Iterator[tuple[str, str]]:
    """АдресРегистрации, ЮридическийАдрес, Адрес, … whatever 1C calls them."""
    for name in node:
        for address in node[name] if "адрес" in name.lower() else ():
            fields = children(address)
            text = value(fields, "Представление")
            if text is None:
                parts = (value(children(part), "Значение") for part in fields.get("АдресноеПоле", ()))
                text = ", ".join(filter(None, parts)) or normalise.text(address.text)
            if text:
                yield name, text


def address_fields(node: Node) -> Iterator[tuple[str, str, str]]:
    for name in node:
        if "адрес" in name.lower():
            for part in inner(node, name, "АдресноеПоле"):
                fields = children(part)
                if text := value(fields, "Значение"):
                    yield name, value(fields, "Тип") or "", text
