-- Products, their images, the imports ledger, dirty sets and summary state of `catalog.db`.
-- Narrow columns stand first: a scan for a summary never reads the overflow pages of long descriptions.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('generation', 0), ('published', 0);

CREATE TABLE source (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE product (
    id                INTEGER PRIMARY KEY,
    sku               TEXT    NOT NULL UNIQUE,
    source_id         INTEGER NOT NULL,
    status            INTEGER NOT NULL,
    availability      INTEGER NOT NULL,
    price_minor       INTEGER,
    sale_minor        INTEGER,
    stock             INTEGER,
    currency          TEXT    NOT NULL,
    category          TEXT    NOT NULL,
    brand             TEXT    NOT NULL,
    price_key         TEXT    NOT NULL,
    changed_gen       INTEGER NOT NULL,
    source_updated_at INTEGER,
    core_hash         BLOB    NOT NULL,
    part_hashes       BLOB    NOT NULL, -- of text, images, price and stock: 16 bytes each
    weight_g          INTEGER,
    gtin              TEXT,
    parent_sku        TEXT,
    title             TEXT    NOT NULL,
    attributes        TEXT    NOT NULL,
    description       TEXT
);
CREATE INDEX product_by_category ON product (category);
CREATE INDEX product_by_brand ON product (brand);
CREATE INDEX product_by_source ON product (source_id, status);

CREATE TABLE image (
    id           INTEGER PRIMARY KEY,
    link         TEXT NOT NULL UNIQUE,
    content_hash TEXT,
    manifest     TEXT,
    error_code   TEXT
);

CREATE TABLE product_image (
    product_id INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    image_id   INTEGER NOT NULL,
    PRIMARY KEY (product_id, position)
) WITHOUT ROWID;
CREATE INDEX product_image_by_image ON product_image (image_id);

-- One row a key that waits for follow-up work; `generation` tells whether it changed again meanwhile.
CREATE TABLE dirty (
    kind       INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    import_no  INTEGER,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE TABLE import (
    no              INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    file            TEXT    NOT NULL,
    fingerprint     TEXT    NOT NULL,
    source_id       INTEGER NOT NULL,
    images          TEXT,
    full_sync       INTEGER NOT NULL,
    max_missing_pct INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    last_record     INTEGER NOT NULL DEFAULT 0,
    rows            INTEGER NOT NULL DEFAULT 0,
    created         INTEGER NOT NULL DEFAULT 0,
    updated         INTEGER NOT NULL DEFAULT 0,
    unchanged       INTEGER NOT NULL DEFAULT 0,
    rejected        INTEGER NOT NULL DEFAULT 0,
    skipped         INTEGER NOT NULL DEFAULT 0,
    warnings        INTEGER NOT NULL DEFAULT 0,
    missing         INTEGER NOT NULL DEFAULT 0,
    archived        INTEGER NOT NULL DEFAULT 0,
    file_error      TEXT,
    file_message    TEXT,
    started_ms      INTEGER NOT NULL,
    finished_ms     INTEGER,
    CHECK (rows = created + updated + unchanged + rejected + skipped)
);

CREATE TABLE import_issue (
    import_no INTEGER NOT NULL,
    severity  INTEGER NOT NULL,
    record    INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    line      INTEGER NOT NULL,
    code      TEXT    NOT NULL,
    field     TEXT,
    message   TEXT    NOT NULL,
    PRIMARY KEY (import_no, severity, record, seq)
) WITHOUT ROWID;

CREATE TABLE import_code (
    import_no INTEGER NOT NULL,
    severity  INTEGER NOT NULL,
    code      TEXT    NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (import_no, severity, code)
) WITHOUT ROWID;

-- Which products an unfinished import has seen: one bit a product id, 32,768 ids a page.
CREATE TABLE import_seen (
    import_no INTEGER NOT NULL,
    page      INTEGER NOT NULL,
    bits      BLOB    NOT NULL,
    PRIMARY KEY (import_no, page)
);

CREATE TABLE popularity (
    sku   TEXT PRIMARY KEY,
    score INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX popularity_by_score ON popularity (score DESC, sku);

CREATE TABLE view_state (
    name       TEXT PRIMARY KEY,
    definition TEXT    NOT NULL,
    complete   INTEGER NOT NULL
) WITHOUT ROWID;
