-- Properties of an offer alone (ЗначенияСвойств of a Предложение), as product_property has those of products.
CREATE TABLE offer_property (
    offer_id    TEXT NOT NULL,
    property_id TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (offer_id, property_id, value)
) WITHOUT ROWID;
