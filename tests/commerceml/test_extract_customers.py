"""Customers become records (docs/commerceml.md 1.5)."""

from __future__ import annotations

from pathlib import Path

from importers.commerceml.records import (
    Customer,
)
from tests.commerceml.exports import read_body


def test_a_deletion_mark_of_a_customer_needs_no_name(tmp_path: Path) -> None:
    body = "<Контрагенты><Контрагент><Ид>x</Ид><ПометкаУдаления>true</ПометкаУдаления></Контрагент></Контрагенты>"
    assert read_body(tmp_path, body, Customer) == [Customer("x", None, removed=True)]


def test_the_customer_of_an_order_is_no_record(tmp_path: Path) -> None:
    people = "<Контрагенты><Контрагент><Ид>{}</Ид><Наименование>x</Наименование></Контрагент></Контрагенты>"
    body = f"<Документ><Ид>d</Ид>{people.format('a')}</Документ>{people.format('b')}<Контейнер><Документ>{people.format('c')}</Документ></Контейнер>"
    assert read_body(tmp_path, body, Customer) == [Customer("b", "x")]


def test_customers(tmp_path: Path) -> None:
    body = """<Контрагенты><Контрагент><Ид>c</Ид><Наименование>Поход ООО</Наименование><Роль>Покупатель</Роль>
        <Роль>Поставщик</Роль><ИНН>99</ИНН><КПП/><ПолноеНаименование>ООО «Поход»</ПолноеНаименование>
        <АдресРегистрации><Представление>г. Образцов</Представление></АдресРегистрации>
        <Адрес><АдресноеПоле><Тип>Город</Тип><Значение>Образцов</Значение></АдресноеПоле></Адрес>
        <Контакты><Контакт><Тип>Почта</Тип><Значение>a@b.example</Значение></Контакт></Контакты>
        <Представители><Представитель><Контрагент><Ид>inner</Ид><Наименование>x</Наименование></Контрагент></Представитель>
        </Представители></Контрагент>
        <Контрагент><Ид>d</Ид><Фамилия>Котелков</Фамилия><Имя>Глеб</Имя></Контрагент></Контрагенты>"""
    assert read_body(tmp_path, body, Customer) == [
        Customer(
            "c", "Поход ООО", "ООО «Поход»", "Покупатель, Поставщик", "99", None,
            contacts=(("Почта", "a@b.example"),), addresses=(("АдресРегистрации", "г. Образцов"), ("Адрес", "Образцов")),
            address_fields=(("Адрес", "Город", "Образцов"),), representatives=(("inner", "x", ""),),
        ),
        Customer("d", "Котелков Глеб"),
    ]  # fmt: skip
