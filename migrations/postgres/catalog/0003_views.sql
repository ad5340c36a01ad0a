-- What is known of each refresh of a view; and the summary by product.

-- `mark` is the state of what the view reads when its last refresh began; as long as it is the same, the view is fresh.
CREATE TABLE view_run (
    view        text COLLATE "C" PRIMARY KEY,
    mark        bigint           NOT NULL,
    cost_ms     double precision NOT NULL, -- of a refresh, smoothed
    finished_ms bigint           NOT NULL,
    failures    integer          NOT NULL DEFAULT 0, -- since the last success
    last_error  text
);

-- One row an active product, kept up by the numbers of changes rather than by dirty keys: products that changed after
-- `done_to` are computed again.
ALTER TABLE view_state ADD done_to bigint NOT NULL DEFAULT 0;
INSERT INTO view_state (name, definition, complete) VALUES ('product', '', false);
CREATE TABLE view_product (
    id          bigint  PRIMARY KEY,
    price_minor bigint,
    score       bigint  NOT NULL,
    stock       integer,
    in_stock    boolean NOT NULL,
    sku         text    COLLATE "C" NOT NULL,
    currency    text    COLLATE "C" NOT NULL,
    category    text    COLLATE "C" NOT NULL,
    brand       text    COLLATE "C" NOT NULL,
    title       text    NOT NULL
);

-- Words of title, brand and category, without the endings of any language (`find`). Such an index costs more to write than
-- the product itself, so it stands here, where rows come after the import and only when they changed.
CREATE INDEX view_product_words ON view_product
    USING gin (to_tsvector('simple', title || ' ' || brand || ' ' || category));
-- Misspelt titles (`find`): view_product_trigrams, made when the extension pg_trgm can be had.
