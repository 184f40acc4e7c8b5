from __future__ import annotations

from record_exports import export
from shops import Shop

from importers.commerceml.records import Customer, Section

FULL = Section("", "Контрагенты", False)
CHANGES = Section("", "Контрагенты", True)


async def test_persons_and_firms_with_contacts_and_addresses(shop: Shop) -> None:
    firm = Customer(
        "c1", "ООО «Тайга»", "Общество «Тайга»", "Покупатель, Поставщик", "7700000000", "770001001",
        contacts=(("Почта", "a@example.org"), ("Телефон рабочий", "+7 000 1"), ("Почта", "a@example.org")),
        addresses=(("АдресРегистрации", "Москва"),),
    )  # fmt: skip
    told = await shop.take(export(CHANGES, firm, Customer("c2", "Иванов")), "customers")
    assert told.table("customer").created == 2
    assert shop.rows("SELECT id, name, full_name, role, inn, kpp, removed FROM customer") == [
        ("c1", "ООО «Тайга»", "Общество «Тайга»", "Покупатель, Поставщик", "7700000000", "770001001", 0),
        ("c2", "Иванов", None, None, None, None, 0),
    ]
    assert shop.rows("SELECT type, value FROM customer_contact") == [
        ("Почта", "a@example.org"),
        ("Телефон рабочий", "+7 000 1"),
    ]
    assert shop.rows("SELECT * FROM customer_address") == [("c1", "АдресРегистрации", "Москва")]


async def test_a_full_list_removes_who_is_not_on_it(shop: Shop) -> None:
    await shop.take(export(FULL, Customer("a", "A"), Customer("b", "B")), "customers")
    await shop.take(export(CHANGES, Customer("a", "A")), "customers")
    assert shop.rows("SELECT id FROM customer WHERE removed") == []
    told = await shop.take(export(FULL, Customer("a", "A")), "customers")
    assert shop.rows("SELECT id FROM customer WHERE removed") == ["b"]
    assert (told.counts.read, told.counts.unchanged, told.counts.removed) == (2, 1, 1)
