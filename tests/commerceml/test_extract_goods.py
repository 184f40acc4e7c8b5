"""Goods and offers become records, in all forms that 1C writes them in (docs/commerceml.md 1.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from importers.commerceml.records import (
    Offer,
    OfferPrices,
    Partial,
    Product,
    Seen,
)
from tests.commerceml.exports import goods, package, read_body, rejects


def test_product_with_everything(tmp_path: Path) -> None:
    product = """<Товар><Ид>p</Ид><Артикул/><Штрихкод>46</Штрихкод><Наименование> Термос </Наименование>
        <БазоваяЕдиница Код="796 ">шт</БазоваяЕдиница><Группы><Ид>g1</Ид><Ид>g2</Ид></Группы><Описание>&lt;b&gt;</Описание>
        <Картинка>import_files\\a.jpg</Картинка><Картинка/><Картинка>import_files/a.jpg</Картинка><Картинка>b.png</Картинка>
        <Изготовитель><Ид>m</Ид><Наименование>Кедр</Наименование></Изготовитель>
        <ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение>v</Значение></ЗначенияСвойства>
        <ЗначенияСвойства><Ид>e</Ид><Значение/></ЗначенияСвойства></ЗначенияСвойств>
        <СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>22%</Ставка></СтавкаНалога></СтавкиНалогов>
        <ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Вес</Наименование><Значение>1,5</Значение></ЗначениеРеквизита>
        </ЗначенияРеквизитов></Товар>"""
    assert read_body(tmp_path, goods(product), Product) == [
        Product(
            id="p", name="Термос", barcode="46", description="<b>", unit="796", brand="Кедр", vat_rate="22",
            catalog_id="cat", groups=("g1", "g2"), properties=(("c", "v"),), requisites=(("Вес", "1,5"),),
            images=("import_files/a.jpg", "b.png"), manufacturer_id="m", weight="1.5",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "mark",
    [
        '<Товар Статус="Удален">',
        "<Товар><Статус>Удалён</Статус>",
        "<Товар><ПометкаУдаления>true</ПометкаУдаления>",
        '<Товар Статус="Изменен"><Статус>Удален</Статус>',
    ],
)
def test_deletion_marks(tmp_path: Path, mark: str) -> None:
    (found,) = read_body(tmp_path, goods(f"{mark}<Ид>p</Ид></Товар>"), Product)
    assert isinstance(found, Product)
    assert found.removed


def test_the_deletion_mark_of_a_characteristic_says_nothing_of_its_product(tmp_path: Path) -> None:
    found = read_body(tmp_path, goods('<Товар Статус="Удален"><Ид>p#c</Ид></Товар>'), Product, Offer, Seen)
    assert found == [
        Seen("p", "Product"),
        Offer(
            "p#c",
            "p",
            "c",
            removed=True,
            catalog_id="cat",
            characteristics=None,
            properties=None,
            images=None,
            units=None,
            components=None,
        ),
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "<НомерВерсии>AAA=</НомерВерсии><ПометкаУдаления>false</ПометкаУдаления>",
        "<ИдХарактеристики>c</ИдХарактеристики>",
    ],
)
def test_facts_alone_say_that_their_offer_is_there(tmp_path: Path, nothing: str) -> None:
    told = f"<Ид>p</Ид>{nothing}<Количество>5</Количество>"
    ident = "p#c" if "Характеристики" in nothing else "p"
    (offer,) = read_body(tmp_path, package(f"<Предложение>{told}</Предложение>"), Offer, Seen)
    assert isinstance(offer, Offer)
    assert (offer.id, offer.product_id, offer.partial) == (ident, "p", Partial("facts", "import.xml", 2))
    (product,) = read_body(tmp_path, goods(f"<Товар>{told}</Товар>"), Product, Seen)
    assert isinstance(product, Product)
    assert (product.id, product.partial) == ("p", Partial("facts", "import.xml", 2))
    assert (product.groups, product.images) == (None, None)
    assert read_body(tmp_path, package(f"<Предложение>{told}</Предложение>"), OfferPrices, Seen) == [
        Seen(ident, "Offer")
    ]


@pytest.mark.parametrize(
    ("attribute", "element"),
    [
        (' Статус="Удален"', ""),
        ("", "<Статус>Удален</Статус>"),
        ("", "<ПометкаУдаления>true</ПометкаУдаления>"),
    ],
)
def test_a_deletion_mark_beside_facts_holds(tmp_path: Path, attribute: str, element: str) -> None:
    offer = f"<Предложение{attribute}><Ид>p</Ид>{element}<Количество>0</Количество></Предложение>"
    (found,) = read_body(tmp_path, package(offer), Offer, Seen)
    assert isinstance(found, Offer)
    assert found.removed


def test_characteristics_that_stand_with_a_product(tmp_path: Path) -> None:
    trait = "<ХарактеристикаТовара>{}<Наименование>Цвет</Наименование><Значение>{}</Значение></ХарактеристикаТовара>"
    traits = trait.format("<Ид>c</Ид>", "хаки") + trait.format("", "синий") + trait.format("<Ид>d</Ид>", "")
    product = f"<Товар><Ид>p</Ид><Наименование>n</Наименование><ХарактеристикиТовара>{traits}</ХарактеристикиТовара></Товар>"
    assert read_body(tmp_path, goods(product), Product, Offer) == [
        Product("p", "n", catalog_id="cat", characteristics=(("c", "Цвет", "хаки"), ("", "Цвет", "синий")))
    ]


def test_what_an_offer_does_not_tell(tmp_path: Path) -> None:
    """Nothing of its characteristics, properties and pictures, or that there are none of them."""
    silent = "<Предложение><Ид>p</Ид><Наименование>n</Наименование></Предложение>"
    empty = silent.replace("</П", "<ХарактеристикиТовара/><ЗначенияСвойств/><Картинка/></П")
    told = silent.replace(
        "</П",
        "<ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение>v</Значение></ЗначенияСвойства></ЗначенияСвойств></П",
    )
    other: dict[str, Any] = {"units": None, "components": None}
    assert read_body(tmp_path, package(silent + empty + told), Offer) == [
        Offer(
            "p", "p", None, "n", catalog_id="cat", characteristics=None, properties=None, images=None, **other
        ),
        Offer("p", "p", None, "n", catalog_id="cat", **other),
        Offer(
            "p",
            "p",
            None,
            "n",
            catalog_id="cat",
            characteristics=None,
            properties=(("c", "v"),),
            images=None,
            **other,
        ),
    ]


def test_goods_per_characteristic_are_product_and_offer(tmp_path: Path) -> None:
    """2.04 lists goods as `product#characteristic`."""
    trait = "<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Цвет</Наименование><Значение>хаки</Значение>"
    product = f"<Товар><Ид>p#c</Ид><Наименование>Тент</Наименование>{trait}</ХарактеристикаТовара></ХарактеристикиТовара></Товар>"
    assert read_body(tmp_path, goods(product), Product, Offer) == [
        Product("p", "Тент", catalog_id="cat", partial=Partial("variant", "import.xml", None)),
        Offer(
            "p#c",
            "p",
            "c",
            "Тент",
            catalog_id="cat",
            characteristics=(("Цвет", "хаки"),),
            properties=None,
            images=None,
            units=None,
            components=None,
        ),
    ]


def test_offer_ids(tmp_path: Path) -> None:
    names = "<Наименование>x</Наименование>"
    offers = (
        f"<Предложение><Ид>p</Ид>{names}</Предложение><Предложение><Ид>p#c</Ид>{names}</Предложение>"
        f"<Предложение><Ид>p</Ид><ИдХарактеристики>d</ИдХарактеристики>{names}</Предложение>"
    )
    found = read_body(tmp_path, package(offers), Offer)
    assert [(o.id, o.product_id, o.characteristic_id) for o in found if isinstance(o, Offer)] == [
        ("p", "p", None), ("p#c", "p", "c"), ("p#d", "p", "d"),
    ]  # fmt: skip


def test_a_record_without_id_is_rejected_with_its_line_beyond_65535(tmp_path: Path) -> None:
    blank = "\n" * 70_000
    found = read_body(tmp_path, goods(f"{blank}<Товар><Наименование>x</Наименование></Товар>"), Product)
    assert [(r.line, r.reason) for r in rejects(found)] == [(70_002, "has no Ид")]
