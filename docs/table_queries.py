"""The statements by which docs/tables.md shows how to build a shop; the tests run each of them."""

from __future__ import annotations

QUERIES = {
    "visible": ("What is visible", "Offers whose product is there too. `quantity` sums up all warehouses.", """\
SELECT offer_id, name, article, quantity
FROM visible_offer
WHERE product_id = :product
ORDER BY name"""),
    "listing": (
        "The products of a group, by price",
        ("One row a product, with the lowest price of a type, in this group and all below it. `amount` is a number, "
        "`value` the exact text of the same row."), """\
WITH RECURSIVE below(id) AS (
    SELECT id FROM category WHERE id = :category AND removed = 0
    UNION
    SELECT c.id FROM category c JOIN below b ON c.parent_id = b.id WHERE c.removed = 0
)
SELECT product_id, product_name, value, currency, amount, in_stock
FROM (
    SELECT v.product_id, v.product_name, p.value, p.currency, p.amount,
           max(v.quantity) OVER (PARTITION BY v.product_id) > 0 AS in_stock,
           row_number() OVER (PARTITION BY v.product_id ORDER BY p.amount, v.offer_id) AS place
    FROM visible_offer v
    JOIN offer_price p ON p.offer_id = v.offer_id AND p.price_type_id = :price_type
    WHERE v.product_id IN (SELECT product_id FROM product_category WHERE category_id IN (SELECT id FROM below))
)
WHERE place = 1
ORDER BY amount, product_id"""),
    "without offers": (
        "Goods without offers",
        "Some exports write prices and stocks with the goods and no offers: then they have the product's id.", """\
SELECT p.id, p.name, o.value, o.currency, coalesce(s.quantity, 0) AS quantity
FROM product p
JOIN offer_price o ON o.offer_id = p.id AND o.price_type_id = :price_type
LEFT JOIN offer_stock s ON s.offer_id = p.id
WHERE p.removed = 0 AND NOT EXISTS (SELECT 1 FROM offer WHERE product_id = p.id)
ORDER BY o.amount, p.id"""),
    "variants": (
        "What a variant is called",
        "What it differs by. Exports of 1C 2.04 tell it with the product instead.", """\
SELECT o.offer_id, o.name, c.name AS characteristic, c.value
FROM visible_offer o
JOIN offer_characteristic c ON c.offer_id = o.offer_id
WHERE o.product_id = :product
UNION
SELECT o.id, coalesce(o.name, p.name), c.name, c.value
FROM product_characteristic c
JOIN offer o ON o.product_id = c.product_id AND o.characteristic_id = c.characteristic_id
JOIN product p ON p.id = o.product_id
WHERE o.product_id = :product AND o.removed = 0 AND p.removed = 0
ORDER BY 1, 3, 4"""),
    "price": ("The price of a type", "By the type's name, as people know it; its id never changes.", """\
SELECT offer_id, value, currency
FROM offer_price
WHERE offer_id = :offer AND price_type = :price_type"""),
    "stock": (
        "Stock by warehouse",
        "A total without warehouses has the id '' and so no name. `offer_stock` has the sum.", """\
SELECT s.warehouse_id, w.name, w.address, s.quantity
FROM stock s
LEFT JOIN warehouse w ON w.id = s.warehouse_id
WHERE s.offer_id = :offer AND coalesce(w.removed, 0) = 0
ORDER BY w.name"""),
    "filters": (
        "Filters",
        "Properties with their values and how many visible products have each; those of offers count too.",
        """\
WITH told(product_id, property_id, value) AS (
    SELECT product_id, property_id, value FROM product_property
    UNION
    SELECT o.product_id, p.property_id, p.value
    FROM offer_property p JOIN offer o ON o.id = p.offer_id
    WHERE o.removed = 0
)
SELECT p.name AS property, coalesce(v.value, t.value) AS value, count(*) AS products
FROM told t
JOIN property p ON p.id = t.property_id AND p.removed = 0
LEFT JOIN property_value v ON v.property_id = t.property_id AND v.id = t.value
WHERE coalesce(v.removed, 0) = 0
  AND EXISTS (SELECT 1 FROM product g JOIN offer o ON o.product_id = g.id
              WHERE g.id = t.product_id AND g.removed = 0 AND o.removed = 0)
GROUP BY p.id, t.value
ORDER BY p.sort_order IS NULL, p.sort_order, p.name, v.sort_order IS NULL, v.sort_order, 2"""),
    "tree": (
        "The tree of groups",
        "From the roots on, in the order of 1C, then by name. A removed group hides all that is below it.", """\
WITH RECURSIVE tree(id, name, depth, place) AS (
    SELECT id, name, 0, printf('%010d %s', coalesce(sort_order, 9999999999), name)
    FROM category
    WHERE parent_id IS NULL AND removed = 0
    UNION ALL
    SELECT c.id, c.name, t.depth + 1,
           t.place || char(1) || printf('%010d %s', coalesce(c.sort_order, 9999999999), c.name)
    FROM category c
    JOIN tree t ON c.parent_id = t.id
    WHERE c.removed = 0 AND t.depth < 100
)
SELECT id, name, depth
FROM tree
ORDER BY place"""),
    "main group": ("The main group of a product", "The first that 1C names; the next one where it is gone.", """\
SELECT c.id, c.name
FROM product_category pc
JOIN category c ON c.id = pc.category_id AND c.removed = 0
WHERE pc.product_id = :product
ORDER BY pc.position
LIMIT 1"""),
    "pictures": (
        "Pictures",
        ("Those of the variant, else of the product; the first is the main one. A path lies in the folder of images, "
        "an address goes to the page as it is."), """\
SELECT path, path LIKE 'http://%' OR path LIKE 'https://%' AS is_address
FROM (SELECT position, path, 0 AS rank FROM offer_image WHERE offer_id = :offer
      UNION ALL
      SELECT i.position, i.path, 1
      FROM product_image i JOIN offer o ON o.product_id = i.product_id
      WHERE o.id = :offer AND NOT EXISTS (SELECT 1 FROM offer_image WHERE offer_id = o.id))
ORDER BY rank, position"""),
    "packs": (
        "Units and packs",
        ("What an offer is sold in: `coefficient` base units each. `price_beside` has the price of a pack, "
        "or of a quantity."), """\
SELECT coalesce(u.short_name, u.full_name, packs.unit) AS unit, packs.coefficient, b.value AS price, b.min_quantity
FROM (SELECT o.id AS offer_id, pu.unit, pu.coefficient
      FROM offer o JOIN product_unit pu ON pu.product_id = o.product_id
      WHERE o.id = :offer AND NOT EXISTS (SELECT 1 FROM offer_unit WHERE offer_id = o.id)
      UNION ALL
      SELECT offer_id, unit, coefficient FROM offer_unit WHERE offer_id = :offer) packs
LEFT JOIN unit u ON u.code = packs.unit
LEFT JOIN price_beside b ON b.offer_id = packs.offer_id AND b.unit = packs.unit AND b.price_type_id = :price_type
ORDER BY CAST(packs.coefficient AS REAL)"""),
    "quantity prices": (
        "Prices by quantity",
        "The price of one base unit from a quantity on, the smallest first.", """\
SELECT min_quantity, value, currency
FROM (
    SELECT '0' AS min_quantity, value, currency
    FROM price
    WHERE offer_id = :offer AND price_type_id = :price_type
    UNION ALL
    SELECT min_quantity, value, nullif(currency, '')
    FROM price_beside
    WHERE offer_id = :offer AND price_type_id = :price_type AND min_quantity <> '' AND coefficient = '1'
)
ORDER BY CAST(min_quantity AS REAL)"""),
    "sets": ("Sets", "What a set consists of, and whether that can be sold.", """\
SELECT c.component_id, p.name, c.quantity, p.removed
FROM product_component c
LEFT JOIN product p ON p.id = c.component_id
WHERE c.product_id = :product
ORDER BY p.name, c.component_id"""),
}  # fmt: skip
"""(heading, what it is for, statement) by a short name."""
