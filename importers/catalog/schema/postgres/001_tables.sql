-- The shop's tables as importers fill them: those of SQLite (docs/tables.md) with types of their own. Keys are compared by
-- code points, as everywhere. Where a key holds text of any length, an index knows it by its digest.

CREATE TABLE category (
    id text COLLATE "C" NOT NULL,
    parent_id text COLLATE "C",
    name text COLLATE "C",
    removed boolean NOT NULL,
    classifier_id text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    image text COLLATE "C",
    sort_order bigint,
    PRIMARY KEY (id)
);

CREATE TABLE property (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    type text COLLATE "C",
    removed boolean NOT NULL,
    classifier_id text COLLATE "C" NOT NULL DEFAULT '',
    for_products boolean,
    for_offers boolean,
    multiple boolean,
    required boolean,
    sort_order bigint,
    default_value text COLLATE "C",
    PRIMARY KEY (id)
);

CREATE TABLE property_value (
    id text COLLATE "C" NOT NULL,
    property_id text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    removed boolean NOT NULL DEFAULT false,
    classifier_id text COLLATE "C" NOT NULL DEFAULT '',
    sort_order bigint,
    is_default boolean,
    PRIMARY KEY (id, property_id)
);

CREATE TABLE unit (
    code text COLLATE "C" NOT NULL,
    short_name text COLLATE "C",
    full_name text COLLATE "C",
    international text COLLATE "C",
    PRIMARY KEY (code)
);

CREATE TABLE warehouse (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    removed boolean NOT NULL,
    classifier_id text COLLATE "C" NOT NULL DEFAULT '',
    address text COLLATE "C",
    telephone text COLLATE "C",
    hours text COLLATE "C",
    PRIMARY KEY (id)
);

CREATE TABLE price_type (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    currency text COLLATE "C",
    tax_included boolean,
    removed boolean NOT NULL,
    classifier_id text COLLATE "C" NOT NULL DEFAULT '',
    tax text COLLATE "C",
    PRIMARY KEY (id)
);

CREATE TABLE product (
    id text COLLATE "C" NOT NULL,
    article text COLLATE "C",
    barcode text COLLATE "C",
    name text COLLATE "C",
    description text COLLATE "C",
    unit text COLLATE "C",
    brand text COLLATE "C",
    vat_rate text COLLATE "C",
    removed boolean NOT NULL,
    catalog_id text COLLATE "C" NOT NULL,
    manufacturer text COLLATE "C",
    code text COLLATE "C",
    full_name text COLLATE "C",
    country text COLLATE "C",
    manufacturer_id text COLLATE "C",
    type_id text COLLATE "C",
    weight numeric,
    length numeric,
    width numeric,
    height numeric,
    volume numeric,
    by_characteristic boolean NOT NULL DEFAULT false,
    PRIMARY KEY (id)
);

CREATE TABLE product_category (
    product_id text COLLATE "C" NOT NULL,
    category_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (product_id, category_id)
);

CREATE TABLE product_property (
    product_id text COLLATE "C" NOT NULL,
    property_id text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX product_property_key ON product_property (product_id, property_id, md5(value));

CREATE TABLE product_requisite (
    product_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX product_requisite_key ON product_requisite (product_id, md5(name), md5(value));

CREATE TABLE product_image (
    product_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    path text COLLATE "C" NOT NULL,
    PRIMARY KEY (product_id, position)
);

CREATE TABLE offer (
    id text COLLATE "C" NOT NULL,
    product_id text COLLATE "C" NOT NULL,
    characteristic_id text COLLATE "C",
    name text COLLATE "C",
    article text COLLATE "C",
    barcode text COLLATE "C",
    removed boolean NOT NULL,
    catalog_id text COLLATE "C" NOT NULL,
    code text COLLATE "C",
    unit text COLLATE "C",
    weight numeric,
    length numeric,
    width numeric,
    height numeric,
    volume numeric,
    PRIMARY KEY (id)
);

CREATE TABLE offer_characteristic (
    offer_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX offer_characteristic_key ON offer_characteristic (offer_id, md5(name), md5(value));

CREATE TABLE offer_image (
    offer_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    path text COLLATE "C" NOT NULL,
    PRIMARY KEY (offer_id, position)
);

CREATE TABLE price (
    offer_id text COLLATE "C" NOT NULL,
    price_type_id text COLLATE "C" NOT NULL,
    value numeric NOT NULL,
    currency text COLLATE "C",
    unit text COLLATE "C",
    coefficient numeric NOT NULL,
    tax text COLLATE "C",
    PRIMARY KEY (offer_id, price_type_id)
);

CREATE TABLE stock (
    offer_id text COLLATE "C" NOT NULL,
    warehouse_id text COLLATE "C" NOT NULL,
    quantity numeric NOT NULL,
    PRIMARY KEY (offer_id, warehouse_id)
);

CREATE TABLE customer (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    full_name text COLLATE "C",
    role text COLLATE "C",
    inn text COLLATE "C",
    kpp text COLLATE "C",
    removed boolean NOT NULL,
    okpo text COLLATE "C",
    PRIMARY KEY (id)
);

CREATE TABLE customer_contact (
    customer_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX customer_contact_key ON customer_contact (customer_id, md5(type), md5(value));

CREATE TABLE customer_address (
    customer_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX customer_address_key ON customer_address (customer_id, md5(type), md5(value));

CREATE TABLE image (
    path text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    sha256 text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX image_key ON image (md5(path));

CREATE TABLE offer_property (
    offer_id text COLLATE "C" NOT NULL,
    property_id text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX offer_property_key ON offer_property (offer_id, property_id, md5(value));

CREATE TABLE product_characteristic (
    product_id text COLLATE "C" NOT NULL,
    characteristic_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX product_characteristic_key ON product_characteristic (product_id, characteristic_id, md5(name), md5(value));

CREATE TABLE product_type (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    removed boolean NOT NULL,
    classifier_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE product_type_property (
    type_id text COLLATE "C" NOT NULL,
    property_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (type_id, property_id)
);

CREATE TABLE catalog (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    classifier_id text COLLATE "C",
    description text COLLATE "C",
    owner_id text COLLATE "C",
    owner_name text COLLATE "C",
    owner_inn text COLLATE "C",
    owner_kpp text COLLATE "C",
    PRIMARY KEY (id)
);

CREATE TABLE product_unit (
    product_id text COLLATE "C" NOT NULL,
    unit text COLLATE "C" NOT NULL,
    coefficient text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX product_unit_key ON product_unit (product_id, unit, md5(coefficient));

CREATE TABLE product_component (
    product_id text COLLATE "C" NOT NULL,
    component_id text COLLATE "C" NOT NULL,
    quantity text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX product_component_key ON product_component (product_id, component_id, md5(quantity));

CREATE TABLE offer_unit (
    offer_id text COLLATE "C" NOT NULL,
    unit text COLLATE "C" NOT NULL,
    coefficient text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX offer_unit_key ON offer_unit (offer_id, unit, md5(coefficient));

CREATE TABLE offer_component (
    offer_id text COLLATE "C" NOT NULL,
    component_id text COLLATE "C" NOT NULL,
    quantity text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX offer_component_key ON offer_component (offer_id, component_id, md5(quantity));

CREATE TABLE price_beside (
    offer_id text COLLATE "C" NOT NULL,
    price_type_id text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    unit text COLLATE "C" NOT NULL,
    coefficient text COLLATE "C" NOT NULL,
    min_quantity text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX price_beside_key ON price_beside (offer_id, price_type_id, md5(value), md5(currency), unit, md5(coefficient), md5(min_quantity));

CREATE TABLE customer_address_field (
    customer_id text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX customer_address_field_key ON customer_address_field (customer_id, md5(address), md5(type), md5(value));

CREATE TABLE customer_account (
    customer_id text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    bank text COLLATE "C" NOT NULL,
    bank_code text COLLATE "C" NOT NULL,
    correspondent_account text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX customer_account_key ON customer_account (customer_id, md5(number), md5(bank), md5(bank_code), md5(correspondent_account));

CREATE TABLE customer_representative (
    customer_id text COLLATE "C" NOT NULL,
    representative_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    relation text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX customer_representative_key ON customer_representative (customer_id, representative_id, md5(name), md5(relation));

CREATE INDEX offer_product ON offer (product_id);
CREATE VIEW offer_stock AS
SELECT s.offer_id, round(sum(s.quantity), 6) AS quantity
FROM stock s
LEFT JOIN warehouse w ON w.id = s.warehouse_id
WHERE NOT coalesce(w.removed, false)
GROUP BY s.offer_id;
CREATE VIEW offer_price AS
SELECT p.offer_id, p.price_type_id, coalesce(t.name, p.price_type_id) AS price_type, p.value, p.currency,
       p.value AS amount
FROM price p
LEFT JOIN price_type t ON t.id = p.price_type_id
WHERE NOT coalesce(t.removed, false);
CREATE VIEW visible_offer AS
SELECT o.id AS offer_id, o.product_id, p.name AS product_name, coalesce(o.name, p.name) AS name,
       coalesce(o.article, p.article) AS article, coalesce(o.barcode, p.barcode) AS barcode,
       coalesce(o.unit, p.unit) AS unit,
       coalesce((SELECT round(sum(s.quantity), 6)
                 FROM stock s
                 LEFT JOIN warehouse w ON w.id = s.warehouse_id
                 WHERE s.offer_id = o.id AND NOT coalesce(w.removed, false)), 0) AS quantity
FROM offer o
JOIN product p ON p.id = o.product_id
WHERE NOT o.removed AND NOT p.removed;
CREATE TABLE applied (
    position bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,   -- in the order of the commits
    journal_id text COLLATE "C" NOT NULL,
    session_id bigint NOT NULL,
    task_id text COLLATE "C" NOT NULL,
    fence bigint NOT NULL,
    note bytea NOT NULL,
    UNIQUE (journal_id, task_id)
);
CREATE TABLE identity (id text COLLATE "C" NOT NULL PRIMARY KEY);
CREATE TABLE images_waiting (token text COLLATE "C" NOT NULL PRIMARY KEY, folder text COLLATE "C" NOT NULL);
INSERT INTO identity (id) VALUES (replace(gen_random_uuid()::text, '-', ''));
