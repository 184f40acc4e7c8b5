-- Properties of an offer alone (ЗначенияСвойств of a Предложение), as product_property has those of products.
CREATE TABLE offer_property (
    offer_id    TEXT NOT NULL,
    property_id TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (offer_id, property_id, value)
) WITHOUT ROWID;

-- Characteristics that stand with a product (ХарактеристикиТовара of a Товар without "#"): those of its offers, of which
-- offer.characteristic_id has the id; '' where the export gives none.
CREATE TABLE product_characteristic (
    product_id        TEXT NOT NULL,
    characteristic_id TEXT NOT NULL,
    name              TEXT NOT NULL,
    value             TEXT NOT NULL,
    PRIMARY KEY (product_id, characteristic_id, name, value)
) WITHOUT ROWID;
