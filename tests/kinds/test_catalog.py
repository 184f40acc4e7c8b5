from __future__ import annotations

import itertools

import pytest
from record_exports import GOODS, PACKAGE, RecordExport, RecordPart, export
from shops import Shop

from importers.catalog.store import SessionTransaction
from importers.commerceml.records import (
    Group,
    Offer,
    Partial,
    PriceType,
    Product,
    Property,
    PropertyValue,
    Rejected,
    Section,
    Unit,
    Warehouse,
)
from importers.texts import Message

ZERO = "00000000-0000-0000-0000-000000000000"
FULL_GOODS = Section("catalog-1", "Каталог", False, "catalog-1")
FULL_PACKAGE = Section("catalog-1#", "ПакетПредложений", False, "catalog-1")
FULL_CLASSIFIER = Section("classifier-1", "Классификатор", False, "classifier-1")


def product(ident: str, name: str = "Палатка", catalog: str = "catalog-1", **rest: object) -> Product:
    return Product(ident, name, catalog_id=catalog, **rest)  # type: ignore[arg-type]


async def test_every_field_lands_in_its_column(shop: Shop) -> None:
    told = await shop.take(
        export(
            Section("classifier-1", "Классификатор", True, "classifier-1"),
            Group("g1", None, "Туризм"),
            Group("g2", "g1", "Палатки"),
            Property("color", "Цвет", "Справочник"),
            PropertyValue("red", "color", "красный"),
            Unit("796", "шт", "Штука"),
            Warehouse("w1", "Основной склад"),
            PriceType("retail", "Розничная", "RUB", True),
            GOODS,
            Product(
                "p1", "Палатка", "A-1", "460", "Описание", "796", "Кедр", "22", catalog_id="catalog-1",
                groups=("g2", "g1"), properties=(("color", "red"), ("unset", ZERO)),
                requisites=(("Вес", "3.5"),), characteristics=(("c1", "Цвет", "хаки"),),
                images=("import_files/b.jpg", "import_files/a.jpg"),
            ),
            PACKAGE,
            Offer(
                "p1#c1", "p1", "c1", "Палатка (красная)", "A-1-R", "461", catalog_id="catalog-1",
                characteristics=(("Цвет", "красный"), ("Размер", "2,16")), images=("import_files/c.jpg",),
            ),
        ),
        "catalog",
    )  # fmt: skip
    assert told.counts.created == told.counts.read == 9
    assert shop.rows("SELECT id, parent_id, name, removed, classifier_id FROM category") == [
        ("g1", None, "Туризм", 0, "classifier-1"),
        ("g2", "g1", "Палатки", 0, "classifier-1"),
    ]
    assert shop.rows("SELECT id, name, type, removed FROM property") == [("color", "Цвет", "Справочник", 0)]
    assert shop.rows("SELECT id, property_id, value FROM property_value ORDER BY 1, 2") == [
        ("red", "color", "красный")
    ]
    assert shop.rows("SELECT code, short_name, full_name FROM unit") == [("796", "шт", "Штука")]
    assert shop.rows("SELECT id, name, removed FROM warehouse") == [("w1", "Основной склад", 0)]
    assert shop.rows("SELECT id, name, currency, tax_included, removed FROM price_type") == [
        ("retail", "Розничная", "RUB", 1, 0)
    ]
    assert shop.rows(
        "SELECT id, article, barcode, name, description, unit, brand, vat_rate, removed, catalog_id, manufacturer "
        "FROM product"
    ) == [("p1", "A-1", "460", "Палатка", "Описание", "796", "Кедр", "22", 0, "catalog-1", "Кедр")]
    assert shop.rows("SELECT category_id FROM product_category ORDER BY position") == ["g2", "g1"]
    assert shop.rows("SELECT * FROM product_property") == [("p1", "color", "red")]
    assert shop.rows("SELECT * FROM product_requisite") == [("p1", "Вес", "3.5")]
    assert shop.rows("SELECT * FROM product_characteristic") == [("p1", "c1", "Цвет", "хаки")]
    assert shop.rows("SELECT * FROM product_image") == [
        ("p1", 0, "import_files/b.jpg"),
        ("p1", 1, "import_files/a.jpg"),
    ]
    assert shop.rows(
        "SELECT id, product_id, characteristic_id, name, article, barcode, removed, catalog_id FROM offer"
    ) == [("p1#c1", "p1", "c1", "Палатка (красная)", "A-1-R", "461", 0, "catalog-1")]
    assert shop.rows("SELECT name, value FROM offer_characteristic") == [
        ("Размер", "2,16"),
        ("Цвет", "красный"),
    ]
    assert shop.rows("SELECT * FROM offer_image") == [("p1#c1", 0, "import_files/c.jpg")]


async def test_a_products_parts_follow_it_and_count_as_one_update(shop: Shop) -> None:
    await shop.take(
        export(
            GOODS,
            product("p", groups=("a", "b"), images=("1.jpg", "2.jpg"), properties=(("x", "1"), ("y", "2"))),
        ),
        "catalog",
    )
    told = await shop.take(
        export(GOODS, product("p", groups=("b", "c"), images=("2.jpg",), properties=(("x", "3"),))), "catalog"
    )
    assert told.table("product").updated == 1
    assert shop.rows("SELECT category_id FROM product_category ORDER BY 1") == ["b", "c"]
    assert shop.rows("SELECT position, path FROM product_image") == [(0, "2.jpg")]
    assert shop.rows("SELECT property_id, value FROM product_property") == [("x", "3")]


async def test_a_deletion_mark_hides_and_leaves_the_rest(shop: Shop) -> None:
    await shop.take(export(GOODS, product("p", "Палатка", images=("1.jpg",)), product("q")), "catalog")
    told = await shop.take(export(GOODS, Product("p", None, removed=True)), "catalog")
    assert told.table("product").removed == 1
    assert shop.rows("SELECT name, removed FROM product WHERE id = 'p'") == [("Палатка", 1)]
    assert shop.rows("SELECT path FROM product_image") == ["1.jpg"]
    assert shop.rows("SELECT removed FROM product WHERE id = 'q'") == [0]

    told = await shop.take(export(GOODS, Product("p", None, removed=True)), "catalog")
    assert told.table("product").unchanged == 1

    told = await shop.take(export(GOODS, product("p", "Палатка 2")), "catalog")
    assert told.table("product").updated == 1
    assert shop.rows("SELECT name, removed FROM product WHERE id = 'p'") == [("Палатка 2", 0)]


async def test_a_mark_after_the_product_leaves_what_was_told_before_it(shop: Shop) -> None:
    mark = Product("p", None, removed=True)
    told = await shop.take(export(GOODS, product("p", "Палатка"), mark, mark), "catalog")
    assert shop.rows("SELECT name, removed FROM product") == [("Палатка", 1)]
    assert (told.table("product").removed, told.table("product").unchanged) == (1, 2)
    told = await shop.take(export(GOODS, product("p", "Тент"), mark), "catalog")
    assert shop.rows("SELECT name, removed FROM product") == [("Тент", 1)]
    assert (told.table("product").updated, told.table("product").unchanged) == (1, 1)
    told = await shop.take(export(GOODS, mark, product("p", "Навес")), "catalog")
    assert shop.rows("SELECT name, removed FROM product") == [("Навес", 0)]


async def test_a_deletion_mark_of_something_unknown_is_kept(shop: Shop) -> None:
    told = await shop.take(export(GOODS, *(product(f"p{n}", removed=True) for n in range(50))), "catalog")
    assert told.table("product").removed == 50, "and no limit applies: the shop loses nothing"
    assert shop.rows("SELECT count(*) FROM product WHERE removed") == [50]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_brands_are_found_in_whatever_order_their_parts_arrive(
    shop: Shop, order: tuple[int, ...]
) -> None:
    sessions = [
        export(Property("b", "Бренд", "Справочник"), Property("m", "Изготовитель", None)),
        export(PropertyValue("id-1", "b", "Кедр"), PropertyValue("id-1", "other", "wrong")),
        export(
            GOODS,
            product("by-value", properties=(("b", "id-1"),)),
            product("by-maker", brand="Привал", properties=(("b", "id-1"),)),
            product("unresolved", properties=(("b", "id-9"),)),
            product("by-text", properties=(("m", "Ермак"),)),
            product("first-name", properties=(("m", "Ермак"), ("b", "id-1"))),
            product("second-name", properties=(("m", "Ермак"), ("b", "id-9"))),
            product("none"),
        ),
    ]
    for n in order:
        await shop.take(sessions[n], "catalog" if n == 2 else "attributes")
    assert dict(shop.rows("SELECT id, brand FROM product")) == {
        "by-value": "Кедр", "by-maker": "Привал", "unresolved": None, "by-text": "Ермак", "first-name": "Кедр",
        "second-name": "Ермак", "none": None,
    }  # fmt: skip


async def test_a_package_of_offers_looks_at_no_product_for_its_brand(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a large shop that would take longer than all else of a session."""
    brand = Property("b", "Бренд", "Справочник")
    await shop.take(export(brand, GOODS, product("p", brand="Кедр")), "catalog")
    resolved: list[int] = []
    resolve = SessionTransaction.resolve_brands

    async def noted(transaction: SessionTransaction) -> int:
        resolved.append(await resolve(transaction))
        return resolved[-1]

    monkeypatch.setattr(SessionTransaction, "resolve_brands", noted)
    await shop.take(export(PACKAGE, Offer("p", "p", None, "Палатка")), "catalog")
    assert resolved == []
    for told in ((GOODS, product("q")), (brand,), (brand, PropertyValue("1", "b", "Кедр"))):
        resolved.clear()
        await shop.take(export(*told), "catalog")
        assert resolved, told


async def test_new_values_rename_the_brands_of_products(shop: Shop) -> None:
    brand = Property("b", "Бренд", "Справочник")
    await shop.take(
        export(brand, PropertyValue("1", "b", "Kedr"), GOODS, product("p", properties=(("b", "1"),))),
        "catalog",
    )
    told = await shop.take(export(brand, PropertyValue("1", "b", "Кедр")), "attributes")
    assert shop.rows("SELECT brand FROM product") == ["Кедр"]
    assert told.logs("brand of products")[0].args == {"count": 1}
    assert (told.table("property_value").updated, told.table("property").unchanged) == (1, 1)


async def test_a_value_with_the_same_id_belongs_to_each_of_its_properties(shop: Shop) -> None:
    await shop.take(export(PropertyValue("S", "size", "S"), PropertyValue("S", "fit", "slim")), "attributes")
    assert shop.rows("SELECT id, property_id, value FROM property_value ORDER BY 1, 2") == [
        ("S", "fit", "slim"),
        ("S", "size", "S"),
    ]


async def test_the_last_of_repeated_products_counts(shop: Shop) -> None:
    told = await shop.take(
        export(GOODS, product("p", "old"), product("q"), product("p", "new"), product("q")), "catalog"
    )
    counts = told.table("product")
    assert (counts.read, counts.created, counts.unchanged) == (4, 2, 2)
    assert shop.rows("SELECT name FROM product WHERE id = 'p'") == ["new"]
    (log,) = told.logs("came again", level="warning")
    assert log.args == {"table": "product", "count": 1, "ids": "p"}, (
        "an identical repetition is not worth a warning"
    )


async def test_offers_wait_for_their_product(shop: Shop) -> None:
    told = await shop.take(
        export(PACKAGE, Offer("p#1", "p", "1"), Offer("q", "q", None, removed=True)), "variants"
    )
    assert told.table("offer").orphans == 1
    (log,) = told.logs("unknown products")
    assert log.args == {"table": "offer", "count": 1, "ids": "p#1"}
    await shop.take(export(GOODS, product("p")), "catalog")
    told = await shop.take(export(PACKAGE, Offer("p#1", "p", "1")), "variants")
    assert told.table("offer").orphans == 0
    assert shop.rows("SELECT offer.id FROM offer JOIN product ON product.id = product_id") == ["p#1"]


async def test_a_full_export_removes_what_it_does_not_hold(shop: Shop) -> None:
    first = export(
        FULL_CLASSIFIER, Group("g", None, "G"), Group("h", None, "H"),
        FULL_GOODS, *(product(ident) for ident in "abcd"),
        FULL_PACKAGE, Offer("a#1", "a", "1", catalog_id="catalog-1"), Offer("a#2", "a", "2", catalog_id="catalog-1"),
    )  # fmt: skip
    await shop.take(first, "catalog")
    second = export(
        FULL_CLASSIFIER, Group("g", None, "G"),
        FULL_GOODS, product("b"), product("d", "other"),
        FULL_PACKAGE, Offer("a#2", "a", "2", catalog_id="catalog-1"),
    )  # fmt: skip
    told = await shop.take(second, "catalog")
    assert shop.rows("SELECT id FROM product WHERE removed") == ["a", "c"]
    assert shop.rows("SELECT id FROM offer WHERE removed") == ["a#1"]
    assert shop.rows("SELECT id FROM category WHERE removed") == ["h"]
    counts = told.table("product")
    assert (counts.read, counts.removed, counts.updated, counts.unchanged) == (4, 2, 1, 1)
    (log,) = told.logs("full export", level="warning")[1:2]
    assert log.args == {"table": "product", "count": 2, "ids": "a, c"}

    told = await shop.take(second, "catalog")
    assert told.counts.removed == told.counts.updated == 0
    await shop.take(first, "catalog")
    assert shop.rows("SELECT count(*) FROM product WHERE removed") == [0]


async def test_absence_removes_only_in_the_catalog_that_was_exported(shop: Shop) -> None:
    other = Section("catalog-2", "Каталог", False, "catalog-2")
    await shop.take(
        export(FULL_GOODS, product("a"), product("b"), other, product("c", catalog="catalog-2")), "catalog"
    )
    await shop.take(export(FULL_GOODS, product("a")), "catalog")
    assert shop.rows("SELECT id FROM product WHERE removed") == ["b"]


@pytest.mark.parametrize(
    "reason",
    ["changes only", "one part says changes", "no word of it", "a part is missing", "a reject without id"],
)
async def test_nothing_is_removed_by_absence_without_certainty(shop: Shop, reason: str) -> None:
    await shop.take(export(FULL_GOODS, product("a"), product("b")), "catalog")
    second = export(FULL_GOODS, product("a"))
    match reason:
        case "changes only":
            second = export(GOODS, product("a"))
        case "one part says changes":
            second = RecordExport((RecordPart([FULL_GOODS, product("a")]), RecordPart([GOODS, product("d")])))
        case "no word of it":
            second = export(product("a"))
        case "a part is missing":
            second.gaps = (Message("import0_2"),)
        case "a reject without id":
            second = export(FULL_GOODS, product("a"), Rejected("", "import.xml", 7, "Product", "no id"))
    told = await shop.take(second, "catalog")
    assert shop.rows("SELECT id FROM product WHERE removed") == []
    assert bool(told.logs("nothing is removed")) == (reason in ("a part is missing", "a reject without id"))


async def test_a_rejected_record_is_not_absent(shop: Shop) -> None:
    await shop.take(export(FULL_GOODS, *(product(ident) for ident in "abc")), "catalog")
    told = await shop.take(
        export(
            FULL_GOODS, product("a"), Rejected("b", "import.xml", 7, "Product", "broken", fragment="<Товар>")
        ),
        "catalog",
    )
    assert shop.rows("SELECT id FROM product WHERE removed") == ["c"]
    (reject,) = told.rejects
    assert (reject.kind, reject.file, reject.line, reject.record_id) == ("catalog", "import.xml", 7, "b")
    assert (reject.reason, reject.fragment) == ("broken", "<Товар>")
    assert told.table("product").rejected == 1


async def test_an_empty_full_catalog_removes_nothing(shop: Shop) -> None:
    """Full or not, a section that holds no record of a type says nothing about it: 3.x parts have stubs."""
    await shop.take(export(FULL_GOODS, product("a")), "catalog")
    await shop.take(export(FULL_CLASSIFIER, Group("g", None, "G"), FULL_GOODS), "catalog")
    assert shop.rows("SELECT removed FROM product") == [0]


async def test_products_that_lose_their_last_image_are_told(shop: Shop) -> None:
    await shop.take(
        export(GOODS, *(product(f"p{n}", f"P{n}", images=("1.jpg",)) for n in range(8))), "catalog"
    )
    told = await shop.take(
        export(GOODS, *(product(f"p{n}", f"P{n}") for n in range(7)), product("p7", images=("2.jpg",))),
        "catalog",
    )
    (log,) = told.logs("last image", level="warning")
    assert log.args == {"count": 7, "products": "P0, P1, P2, P3, P4, …"}


async def test_what_an_offer_does_not_tell_stays_from_session_to_session(shop: Shop) -> None:
    told = Offer(
        "p#1", "p", "1", "old", characteristics=(("k", "v"),), properties=(("c", "v"),), images=("i.jpg",)
    )
    silent = Offer("p#1", "p", "1", "new", characteristics=None, properties=None, images=None)
    await shop.take(export(PACKAGE, told), "variants")
    await shop.take(export(PACKAGE, silent), "variants")
    assert shop.rows("SELECT name FROM offer") == ["new"]
    for part in ("offer_characteristic", "offer_property", "offer_image"):
        assert shop.rows(f"SELECT count(*) FROM {part}") == [1], part
    again = await shop.take(export(PACKAGE, silent), "variants")
    assert again.counts.unchanged == 1


async def test_a_part_of_a_product_by_characteristic_leaves_it_one(shop: Shop) -> None:
    def variant(name: str) -> Product:
        return product("p", name, partial=Partial("variant", "import.xml", 1))

    await shop.take(export(GOODS, variant("Рубашка")), "catalog")
    part = Product("p", None, article="R-1", catalog_id="catalog-1", partial=Partial("part", "import.xml", 1))
    await shop.take(export(GOODS, part), "catalog")
    await shop.take(export(GOODS, variant("Рубашка льняная")), "catalog")
    assert shop.rows("SELECT name, article, by_characteristic FROM product") == [
        ("Рубашка льняная", "R-1", 1)
    ]
