-- Products, their images, the imports ledger, dirty sets and summary state. What is compared or sorted by key is
-- COLLATE "C": byte order, as in the SQLite catalog, and several times faster than a language's order.
-- Indexes that queries need stand in 0002.

CREATE TABLE meta (
    name  text   COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);
-- generation: grows with every transaction that marks dirty keys. published: what caches show.
-- change: grows with every transaction that writes products, under the import lock.
INSERT INTO meta (name, value) VALUES ('generation', 0), ('published', 0), ('change', 0);

CREATE TABLE source (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text   COLLATE "C" NOT NULL UNIQUE
);

-- Wide columns of fixed length first: no padding between them.
CREATE TABLE product (
    id                bigint   PRIMARY KEY,
    source_id         bigint   NOT NULL,
    price_minor       bigint,
    sale_minor        bigint,
    changed_gen       bigint   NOT NULL,
    source_updated_at bigint,
    stock             integer,
    weight_g          integer,
    status            smallint NOT NULL,
    availability      smallint NOT NULL,
    sku               text     COLLATE "C" NOT NULL UNIQUE,
    currency          text     COLLATE "C" NOT NULL,
    category          text     COLLATE "C" NOT NULL,
    brand             text     COLLATE "C" NOT NULL,
    price_key         text     COLLATE "C" NOT NULL,
    core_hash         bytea    NOT NULL,
    part_hashes       bytea    NOT NULL, -- of text, images, price and stock: 16 bytes each
    gtin              text     COLLATE "C",
    parent_sku        text     COLLATE "C",
    title             text     NOT NULL,
    attributes        text     NOT NULL, -- one JSON object as delivered, keys sorted
    description       text
);

CREATE TABLE image (
    id           bigint PRIMARY KEY,
    link         text   COLLATE "C" NOT NULL UNIQUE,
    content_hash text,
    manifest     text,
    error_code   text
);

CREATE TABLE product_image (
    product_id bigint  NOT NULL,
    image_id   bigint  NOT NULL,
    position   integer NOT NULL,
    PRIMARY KEY (product_id, position)
);

-- One row a key that waits for follow-up work; `generation` tells whether it changed again meanwhile.
CREATE TABLE dirty (
    generation bigint   NOT NULL,
    import_no  bigint,
    kind       smallint NOT NULL,
    key        text     COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE import (
    no              bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              text    COLLATE "C" NOT NULL UNIQUE,
    file            text    NOT NULL,
    fingerprint     text    NOT NULL,
    source_id       bigint  NOT NULL REFERENCES source,
    images          text,
    full_sync       boolean NOT NULL,
    max_missing_pct integer NOT NULL,
    state           text    NOT NULL,
    last_record     bigint  NOT NULL DEFAULT 0,
    rows            bigint  NOT NULL DEFAULT 0,
    created         bigint  NOT NULL DEFAULT 0,
    updated         bigint  NOT NULL DEFAULT 0,
    unchanged       bigint  NOT NULL DEFAULT 0,
    rejected        bigint  NOT NULL DEFAULT 0,
    skipped         bigint  NOT NULL DEFAULT 0,
    warnings        bigint  NOT NULL DEFAULT 0,
    missing         bigint  NOT NULL DEFAULT 0,
    archived        bigint  NOT NULL DEFAULT 0,
    file_error      text,
    file_message    text,
    started_ms      bigint  NOT NULL,
    finished_ms     bigint,
    CHECK (rows = created + updated + unchanged + rejected + skipped)
);

CREATE TABLE import_issue (
    import_no bigint   NOT NULL REFERENCES import,
    severity  smallint NOT NULL,
    record    bigint   NOT NULL,
    seq       bigint   NOT NULL,
    line      bigint   NOT NULL,
    code      text     NOT NULL,
    field     text,
    message   text     NOT NULL,
    PRIMARY KEY (import_no, severity, record, seq)
);

CREATE TABLE import_code (
    import_no bigint   NOT NULL REFERENCES import,
    severity  smallint NOT NULL,
    code      text     COLLATE "C" NOT NULL,
    count     bigint   NOT NULL,
    PRIMARY KEY (import_no, severity, code)
);

-- Which products an unfinished import has seen: one bit a product id, 32,768 ids a page.
CREATE TABLE import_seen (
    import_no bigint NOT NULL REFERENCES import,
    page      bigint NOT NULL,
    bits      bytea  NOT NULL,
    PRIMARY KEY (import_no, page)
);
ALTER TABLE import_seen ALTER bits SET STORAGE EXTERNAL;

CREATE TABLE popularity (
    score       bigint NOT NULL,
    changed_gen bigint NOT NULL,
    sku         text   COLLATE "C" PRIMARY KEY
);

CREATE TABLE view_state (
    name       text    COLLATE "C" PRIMARY KEY,
    definition text    NOT NULL,
    complete   boolean NOT NULL
);
