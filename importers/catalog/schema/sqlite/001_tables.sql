-- The shop's tables. Others read them: docs/guarantees.md, "What scripts hold on to". Ids are 1C's Ид as text.
-- SQLite has no decimal type: money, quantities, rates and coefficients are TEXT with a canonical decimal
-- ("1234.5": no exponent, no trailing zeros). Sum them as decimals, not as floats. Booleans are 0 or 1.
-- No foreign keys: 1C sends a change only once and in any order, so a price may arrive before its offer.

CREATE TABLE category (
    id            TEXT NOT NULL PRIMARY KEY,
    parent_id     TEXT,
    name          TEXT,
    removed       INTEGER NOT NULL CHECK (removed IN (0, 1)),
    classifier_id TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE property (
    id      TEXT NOT NULL PRIMARY KEY,
    name    TEXT,
    type    TEXT,
    removed INTEGER NOT NULL CHECK (removed IN (0, 1))
) WITHOUT ROWID;

CREATE TABLE property_value (
    id          TEXT NOT NULL,
    property_id TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (id, property_id)
) WITHOUT ROWID;

CREATE TABLE unit (
    code       TEXT NOT NULL PRIMARY KEY,
    short_name TEXT,
    full_name  TEXT
) WITHOUT ROWID;

CREATE TABLE warehouse (
    id      TEXT NOT NULL PRIMARY KEY,
    name    TEXT,
    removed INTEGER NOT NULL CHECK (removed IN (0, 1))
) WITHOUT ROWID;

CREATE TABLE price_type (
    id           TEXT NOT NULL PRIMARY KEY,
    name         TEXT,
    currency     TEXT,
    tax_included INTEGER CHECK (tax_included IN (0, 1)),
    removed      INTEGER NOT NULL CHECK (removed IN (0, 1))
) WITHOUT ROWID;

-- `brand` is derived: `manufacturer`, else the value of the property that is named as a brand.
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
);

CREATE TABLE product_category (
    product_id  TEXT NOT NULL,
    category_id TEXT NOT NULL,
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
) WITHOUT ROWID;

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
    coefficient   TEXT NOT NULL,
    PRIMARY KEY (offer_id, price_type_id)
) WITHOUT ROWID;

-- warehouse_id '' = the quantity of an export that does not tell warehouses apart.
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
) WITHOUT ROWID;

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

-- The files in the folder of product images, as the last import of images left them.
CREATE TABLE image (
    path   TEXT NOT NULL PRIMARY KEY,
    size   INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;

-- The last committed session of each journal that imports into this catalog: a worker that lost its lease is
-- refused by it, and a worker that died leaves here whether it had committed. A session is final in its journal
-- before the next one begins, so one row a journal is enough.
CREATE TABLE applied (
    journal_id TEXT NOT NULL PRIMARY KEY,
    session_id INTEGER NOT NULL,
    fence      INTEGER NOT NULL,
    note       BLOB NOT NULL
) WITHOUT ROWID;
