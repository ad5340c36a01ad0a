-- One vector per (model, key). Every change takes the next number of `change`, so that another
-- process can catch up with `seq > the last one it saw`.
CREATE TABLE model (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    dimensions  INTEGER NOT NULL CHECK (dimensions BETWEEN 1 AND 65536)
) STRICT;

CREATE TABLE point (
    id            INTEGER PRIMARY KEY,
    model_id      INTEGER NOT NULL REFERENCES model (id),
    key           TEXT    NOT NULL,
    content_hash  BLOB    NOT NULL,
    category      TEXT    NOT NULL,
    price_minor   INTEGER,
    currency      TEXT,
    seq           INTEGER NOT NULL,
    vector        BLOB    NOT NULL,
    UNIQUE (model_id, key)
) STRICT;
CREATE UNIQUE INDEX point_seq ON point (seq);

-- What was deleted, for readers that still hold it. Bounded: the oldest go, `pruned_seq` says how far.
CREATE TABLE gone (
    seq       INTEGER PRIMARY KEY,
    model_id  INTEGER NOT NULL,
    key       TEXT    NOT NULL
) STRICT;

CREATE TABLE change (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    last_seq    INTEGER NOT NULL,
    pruned_seq  INTEGER NOT NULL
) STRICT;
INSERT INTO change (only, last_seq, pruned_seq) VALUES (1, 0, 0);
