-- Requests fade: each is worth half after every half-life. `weight` is the sum of a product's requests, each worth
-- 2 ^ ((its time - landmark) / half-life), so that nothing needs to be computed again as time passes; `score` is how many
-- there were. Landmark and half-life stand in `meta`; 0 is none yet.
ALTER TABLE popularity ADD COLUMN weight REAL NOT NULL DEFAULT 0;
UPDATE popularity SET weight = score;
DROP INDEX popularity_by_score;
CREATE INDEX popularity_by_weight ON popularity (weight DESC, sku);
INSERT INTO meta (name, value) VALUES ('popularity_half_life_ms', 0), ('popularity_landmark_ms', 0);

-- What was counted, so that it is not counted twice: a file by its content.
CREATE TABLE popularity_source (
    id         TEXT PRIMARY KEY,
    name       TEXT    NOT NULL,
    counted_ms INTEGER NOT NULL,
    products   INTEGER NOT NULL,
    requests   INTEGER NOT NULL
) WITHOUT ROWID;
