-- 3
CREATE TABLE category (
    id            TEXT NOT NULL PRIMARY KEY,
    parent_id     TEXT,
    name          TEXT,
    removed       INTEGER NOT NULL CHECK (removed IN (0, 1)),
    classifier_id TEXT NOT NULL
, description TEXT, image TEXT, sort_order INTEGER) WITHOUT ROWID;
CREATE TABLE property (
    id      TEXT NOT NULL PRIMARY KEY,
    name    TEXT,
    type    TEXT,
    removed INTEGER NOT NULL CHECK (removed IN (0, 1))
, classifier_id TEXT NOT NULL DEFAULT '', for_products INTEGER CHECK (for_products IN (0, 1)), for_offers INTEGER CHECK (for_offers IN (0, 1)), multiple INTEGER CHECK (multiple IN (0, 1)), required INTEGER CHECK (required IN (0, 1)), sort_order INTEGER, default_value TEXT) WITHOUT ROWID;
CREATE TABLE property_value (
    id          TEXT NOT NULL,
    property_id TEXT NOT NULL,
    value       TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)), classifier_id TEXT NOT NULL DEFAULT '', sort_order INTEGER, is_default INTEGER CHECK (is_default IN (0, 1)),
    PRIMARY KEY (id, property_id)
) WITHOUT ROWID;
CREATE TABLE unit (
    code       TEXT NOT NULL PRIMARY KEY,
    short_name TEXT,
    full_name  TEXT
, international TEXT) WITHOUT ROWID;
CREATE TABLE warehouse (
    id      TEXT NOT NULL PRIMARY KEY,
    name    TEXT,
    removed INTEGER NOT NULL CHECK (removed IN (0, 1))
, classifier_id TEXT NOT NULL DEFAULT '', address TEXT, telephone TEXT, hours TEXT) WITHOUT ROWID;
CREATE TABLE price_type (
    id           TEXT NOT NULL PRIMARY KEY,
    name         TEXT,
    currency     TEXT,
    tax_included INTEGER CHECK (tax_included IN (0, 1)),
    removed      INTEGER NOT NULL CHECK (removed IN (0, 1))
, classifier_id TEXT NOT NULL DEFAULT '', tax TEXT) WITHOUT ROWID;
CREATE TABLE product (
    id           TEXT NOT NULL PRIMARY KEY,
    article      TEXT,
    barcode      TEXT,
    name         TEXT,
    description  TEXT,
    unit         TEXT,
    brand        TEXT,
    vat_rate     TEXT,
    removed      INTEGER NOT NULL CHECK (removed IN (0, 1)),
    catalog_id   TEXT NOT NULL,
    manufacturer TEXT
, code TEXT, full_name TEXT, country TEXT, manufacturer_id TEXT, type_id TEXT, weight TEXT, length TEXT, width TEXT, height TEXT, volume TEXT, by_characteristic INTEGER NOT NULL DEFAULT 0 CHECK (by_characteristic IN (0, 1)));
CREATE TABLE product_category (
    product_id  TEXT NOT NULL,
    category_id TEXT NOT NULL, position INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (product_id, category_id)
) WITHOUT ROWID;
CREATE TABLE product_property (
    product_id  TEXT NOT NULL,
    property_id TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (product_id, property_id, value)
) WITHOUT ROWID;
CREATE TABLE product_requisite (
    product_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (product_id, name, value)
) WITHOUT ROWID;
CREATE TABLE product_image (
    product_id TEXT NOT NULL,
    position   INTEGER NOT NULL,
    path       TEXT NOT NULL,
    PRIMARY KEY (product_id, position)
) WITHOUT ROWID;
CREATE TABLE offer (
    id                TEXT NOT NULL PRIMARY KEY,
    product_id        TEXT NOT NULL,
    characteristic_id TEXT,
    name              TEXT,
    article           TEXT,
    barcode           TEXT,
    removed           INTEGER NOT NULL CHECK (removed IN (0, 1)),
    catalog_id        TEXT NOT NULL
, code TEXT, unit TEXT, weight TEXT, length TEXT, width TEXT, height TEXT, volume TEXT) WITHOUT ROWID;
CREATE INDEX offer_product ON offer (product_id);
CREATE TABLE offer_characteristic (
    offer_id TEXT NOT NULL,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (offer_id, name, value)
) WITHOUT ROWID;
CREATE TABLE offer_image (
    offer_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    path     TEXT NOT NULL,
    PRIMARY KEY (offer_id, position)
) WITHOUT ROWID;
CREATE TABLE price (
    offer_id      TEXT NOT NULL,
    price_type_id TEXT NOT NULL,
    value         TEXT NOT NULL,
    currency      TEXT,
    unit          TEXT,
    coefficient   TEXT NOT NULL, tax TEXT,
    PRIMARY KEY (offer_id, price_type_id)
) WITHOUT ROWID;
CREATE TABLE stock (
    offer_id     TEXT NOT NULL,
    warehouse_id TEXT NOT NULL,
    quantity     TEXT NOT NULL,
    PRIMARY KEY (offer_id, warehouse_id)
) WITHOUT ROWID;
CREATE TABLE customer (
    id        TEXT NOT NULL PRIMARY KEY,
    name      TEXT,
    full_name TEXT,
    role      TEXT,
    inn       TEXT,
    kpp       TEXT,
    removed   INTEGER NOT NULL CHECK (removed IN (0, 1))
, okpo TEXT) WITHOUT ROWID;
CREATE TABLE customer_contact (
    customer_id TEXT NOT NULL,
    type        TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (customer_id, type, value)
) WITHOUT ROWID;
CREATE TABLE customer_address (
    customer_id TEXT NOT NULL,
    type        TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (customer_id, type, value)
) WITHOUT ROWID;
CREATE TABLE image (
    path   TEXT NOT NULL PRIMARY KEY,
    size   INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE offer_property (
    offer_id    TEXT NOT NULL,
    property_id TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (offer_id, property_id, value)
) WITHOUT ROWID;
CREATE TABLE product_characteristic (
    product_id        TEXT NOT NULL,
    characteristic_id TEXT NOT NULL,
    name              TEXT NOT NULL,
    value             TEXT NOT NULL,
    PRIMARY KEY (product_id, characteristic_id, name, value)
) WITHOUT ROWID;
CREATE TABLE product_type (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT,
    removed       INTEGER NOT NULL CHECK (removed IN (0, 1)),
    classifier_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE product_type_property (
    type_id     TEXT NOT NULL,
    property_id TEXT NOT NULL,
    PRIMARY KEY (type_id, property_id)
) WITHOUT ROWID;
CREATE TABLE catalog (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT,
    classifier_id TEXT,
    description   TEXT,
    owner_id      TEXT,
    owner_name    TEXT,
    owner_inn     TEXT,
    owner_kpp     TEXT
) WITHOUT ROWID;
CREATE TABLE product_unit (
    product_id  TEXT NOT NULL,
    unit        TEXT NOT NULL,
    coefficient TEXT NOT NULL,
    PRIMARY KEY (product_id, unit, coefficient)
) WITHOUT ROWID;
CREATE TABLE product_component (
    product_id   TEXT NOT NULL,
    component_id TEXT NOT NULL,
    quantity     TEXT NOT NULL,
    PRIMARY KEY (product_id, component_id, quantity)
) WITHOUT ROWID;
CREATE TABLE offer_unit (
    offer_id    TEXT NOT NULL,
    unit        TEXT NOT NULL,
    coefficient TEXT NOT NULL,
    PRIMARY KEY (offer_id, unit, coefficient)
) WITHOUT ROWID;
CREATE TABLE offer_component (
    offer_id     TEXT NOT NULL,
    component_id TEXT NOT NULL,
    quantity     TEXT NOT NULL,
    PRIMARY KEY (offer_id, component_id, quantity)
) WITHOUT ROWID;
CREATE TABLE price_beside (
    offer_id      TEXT NOT NULL,
    price_type_id TEXT NOT NULL,
    value         TEXT NOT NULL,
    currency      TEXT NOT NULL,
    unit          TEXT NOT NULL,
    coefficient   TEXT NOT NULL,
    min_quantity  TEXT NOT NULL,
    PRIMARY KEY (offer_id, price_type_id, value, currency, unit, coefficient, min_quantity)
) WITHOUT ROWID;
CREATE TABLE customer_address_field (
    customer_id TEXT NOT NULL,
    address     TEXT NOT NULL,
    type        TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (customer_id, address, type, value)
) WITHOUT ROWID;
CREATE TABLE customer_account (
    customer_id           TEXT NOT NULL,
    number                TEXT NOT NULL,
    bank                  TEXT NOT NULL,
    bank_code             TEXT NOT NULL,
    correspondent_account TEXT NOT NULL,
    PRIMARY KEY (customer_id, number, bank, bank_code, correspondent_account)
) WITHOUT ROWID;
CREATE TABLE customer_representative (
    customer_id       TEXT NOT NULL,
    representative_id TEXT NOT NULL,
    name              TEXT NOT NULL,
    relation          TEXT NOT NULL,
    PRIMARY KEY (customer_id, representative_id, name, relation)
) WITHOUT ROWID;
CREATE VIEW offer_stock AS
SELECT s.offer_id, round(sum(CAST(s.quantity AS REAL)), 6) AS quantity
FROM stock s
LEFT JOIN warehouse w ON w.id = s.warehouse_id
WHERE coalesce(w.removed, 0) = 0
GROUP BY s.offer_id;
CREATE VIEW offer_price AS
SELECT p.offer_id, p.price_type_id, coalesce(t.name, p.price_type_id) AS price_type, p.value, p.currency,
       CAST(p.value AS REAL) AS amount
FROM price p
LEFT JOIN price_type t ON t.id = p.price_type_id
WHERE coalesce(t.removed, 0) = 0;
CREATE VIEW visible_offer AS
SELECT o.id AS offer_id, o.product_id, p.name AS product_name, coalesce(o.name, p.name) AS name,
       coalesce(o.article, p.article) AS article, coalesce(o.barcode, p.barcode) AS barcode,
       coalesce(o.unit, p.unit) AS unit,
       -- As offer_stock has it, which asked from here would sum up the stock of all offers.
       coalesce((SELECT round(sum(CAST(s.quantity AS REAL)), 6)
                 FROM stock s
                 LEFT JOIN warehouse w ON w.id = s.warehouse_id
                 WHERE s.offer_id = o.id AND coalesce(w.removed, 0) = 0), 0) AS quantity
FROM offer o
JOIN product p ON p.id = o.product_id
WHERE o.removed = 0 AND p.removed = 0;
CREATE TABLE "applied" (
    position   INTEGER PRIMARY KEY,   -- in the order of the commits
    journal_id TEXT NOT NULL,
    session_id INTEGER NOT NULL,
    task_id    TEXT NOT NULL,         -- '' = from before this was kept
    fence      INTEGER NOT NULL,
    note       BLOB NOT NULL,
    UNIQUE (journal_id, task_id)
);
CREATE TABLE identity (
    id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE images_waiting (
    token  TEXT NOT NULL PRIMARY KEY,
    folder TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));
