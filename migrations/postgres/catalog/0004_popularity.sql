-- Requests fade: each is worth half after every half-life. `weight` is the sum of a product's requests, each worth
-- 2 ^ ((its time - landmark) / half-life), so that nothing needs to be computed again as time passes; `score` is how many
-- there were. Landmark and half-life stand in `meta`; 0 is none yet.
ALTER TABLE popularity ADD weight double precision NOT NULL DEFAULT 0;
UPDATE popularity SET weight = score;
INSERT INTO meta (name, value) VALUES ('popularity_half_life_ms', 0), ('popularity_landmark_ms', 0);

-- What is asked for most (`popular`).
DROP INDEX popularity_by_score;
CREATE INDEX popularity_by_weight ON popularity (weight DESC, sku);

-- What was counted, so that it is not counted twice: a file by its content, a table up to a moment (`counted_ms`).
CREATE TABLE popularity_source (
    id         text COLLATE "C" PRIMARY KEY,
    name       text   NOT NULL,
    counted_ms bigint NOT NULL,
    products   bigint NOT NULL,
    requests   bigint NOT NULL
);
