-- What 1C tells beyond names and numbers, where a row belongs to, and what removes it.

ALTER TABLE category ADD COLUMN description TEXT;
ALTER TABLE category ADD COLUMN image TEXT;
ALTER TABLE category ADD COLUMN sort_order INTEGER;

ALTER TABLE property ADD COLUMN classifier_id TEXT NOT NULL DEFAULT '';
ALTER TABLE property ADD COLUMN for_products INTEGER CHECK (for_products IN (0, 1));
ALTER TABLE property ADD COLUMN for_offers INTEGER CHECK (for_offers IN (0, 1));
ALTER TABLE property ADD COLUMN multiple INTEGER CHECK (multiple IN (0, 1));
ALTER TABLE property ADD COLUMN required INTEGER CHECK (required IN (0, 1));
ALTER TABLE property ADD COLUMN sort_order INTEGER;
ALTER TABLE property ADD COLUMN default_value TEXT;

ALTER TABLE property_value ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1));
ALTER TABLE property_value ADD COLUMN classifier_id TEXT NOT NULL DEFAULT '';
ALTER TABLE property_value ADD COLUMN sort_order INTEGER;
ALTER TABLE property_value ADD COLUMN is_default INTEGER CHECK (is_default IN (0, 1));

ALTER TABLE unit ADD COLUMN international TEXT;

ALTER TABLE warehouse ADD COLUMN classifier_id TEXT NOT NULL DEFAULT '';
ALTER TABLE warehouse ADD COLUMN address TEXT;
ALTER TABLE warehouse ADD COLUMN telephone TEXT;
ALTER TABLE warehouse ADD COLUMN hours TEXT;

ALTER TABLE price_type ADD COLUMN classifier_id TEXT NOT NULL DEFAULT '';
ALTER TABLE price_type ADD COLUMN tax TEXT;

-- Категория of 1C: what it calls the kind of an item; not a group of the shop's tree, which is `category`.
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

-- Each Каталог, and whose goods they are.
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

ALTER TABLE product ADD COLUMN code TEXT;
ALTER TABLE product ADD COLUMN full_name TEXT;
ALTER TABLE product ADD COLUMN country TEXT;
ALTER TABLE product ADD COLUMN manufacturer_id TEXT;
ALTER TABLE product ADD COLUMN type_id TEXT;
ALTER TABLE product ADD COLUMN weight TEXT;
ALTER TABLE product ADD COLUMN length TEXT;
ALTER TABLE product ADD COLUMN width TEXT;
ALTER TABLE product ADD COLUMN height TEXT;
ALTER TABLE product ADD COLUMN volume TEXT;
-- 1: made up from records of its characteristics, as no record told the product itself.
ALTER TABLE product ADD COLUMN by_characteristic INTEGER NOT NULL DEFAULT 0 CHECK (by_characteristic IN (0, 1));

-- 0 = the main group.
ALTER TABLE product_category ADD COLUMN position INTEGER NOT NULL DEFAULT 0;

-- How many base units (product.unit) one of another unit has.
CREATE TABLE product_unit (
    product_id  TEXT NOT NULL,
    unit        TEXT NOT NULL,
    coefficient TEXT NOT NULL,
    PRIMARY KEY (product_id, unit, coefficient)
) WITHOUT ROWID;

-- What a product that is sold as a set consists of; quantity '' = not told.
CREATE TABLE product_component (
    product_id   TEXT NOT NULL,
    component_id TEXT NOT NULL,
    quantity     TEXT NOT NULL,
    PRIMARY KEY (product_id, component_id, quantity)
) WITHOUT ROWID;

ALTER TABLE offer ADD COLUMN code TEXT;
ALTER TABLE offer ADD COLUMN unit TEXT;
ALTER TABLE offer ADD COLUMN weight TEXT;
ALTER TABLE offer ADD COLUMN length TEXT;
ALTER TABLE offer ADD COLUMN width TEXT;
ALTER TABLE offer ADD COLUMN height TEXT;
ALTER TABLE offer ADD COLUMN volume TEXT;

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

ALTER TABLE price ADD COLUMN tax TEXT;

-- Further prices of a type that `price` has for the offer: of a pack, or from a quantity on. '' = not told.
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

ALTER TABLE customer ADD COLUMN okpo TEXT;

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

-- The common questions, one line each. Quantities and amounts are numbers here, to sort and compare by; the tables
-- have them exact.

-- What an offer has in stock, over all warehouses that are still there.
CREATE VIEW offer_stock AS
SELECT s.offer_id, round(sum(CAST(s.quantity AS REAL)), 6) AS quantity
FROM stock s
LEFT JOIN warehouse w ON w.id = s.warehouse_id
WHERE coalesce(w.removed, 0) = 0
GROUP BY s.offer_id;

-- What an offer costs, one row a price type that is still there.
CREATE VIEW offer_price AS
SELECT p.offer_id, p.price_type_id, coalesce(t.name, p.price_type_id) AS price_type, p.value, p.currency,
       CAST(p.value AS REAL) AS amount
FROM price p
LEFT JOIN price_type t ON t.id = p.price_type_id
WHERE coalesce(t.removed, 0) = 0;

-- What a shop shows: offers that are there, of products that are there.
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

-- What sessions left with their commits, by task id: the numbers of sessions come again when a journal is restored
-- from a copy, and two copies of a journal number alike. The last ones of each journal are kept.
CREATE TABLE applied_by_task (
    position   INTEGER PRIMARY KEY,   -- in the order of the commits
    journal_id TEXT NOT NULL,
    session_id INTEGER NOT NULL,
    task_id    TEXT NOT NULL,         -- '' = from before this was kept
    fence      INTEGER NOT NULL,
    note       BLOB NOT NULL,
    UNIQUE (journal_id, task_id)
);
INSERT INTO applied_by_task (journal_id, session_id, task_id, fence, note)
    SELECT journal_id, session_id, '', fence, note FROM applied;
DROP TABLE applied;
ALTER TABLE applied_by_task RENAME TO applied;

-- Which catalog this is, wherever its file goes: its folder of images bears the same mark.
CREATE TABLE identity (
    id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));

-- Sessions whose copies of pictures wait in `folder`: written with their commit, deleted when all are in their places.
-- So copies whose token is not here belong to a session that never committed.
CREATE TABLE images_waiting (
    token  TEXT NOT NULL PRIMARY KEY,
    folder TEXT NOT NULL
) WITHOUT ROWID;
