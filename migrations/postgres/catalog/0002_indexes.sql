-- Each index stands beside the query that needs it; a test asks the planner whether it uses it.

-- Documents and embeddings of an image's products (`image_usage`, `images_pending`).
CREATE INDEX product_image_by_image ON product_image (image_id);

-- What a delivery did not mention (`finish_import`): composite, and the query reads nothing but the index.
CREATE INDEX product_by_source ON product (source_id, status, id);

-- Summary rows of dirty groups (`refresh_view`): partial, since only active products count.
CREATE INDEX product_by_category ON product (category) WHERE status = 0;
CREATE INDEX product_by_brand ON product (brand) WHERE status = 0;

-- What changed last (`popular` when there are few scores, refreshes by product): composite and covering.
-- Ascending, so that a new entry is the last one; a query from the newest on reads it backwards.
CREATE INDEX product_by_change ON product (changed_gen, id);

-- What is asked for most (`popular`), and scores that changed since a refresh.
CREATE INDEX popularity_by_score ON popularity (score DESC, sku);
CREATE INDEX popularity_by_change ON popularity (changed_gen) INCLUDE (sku);

-- A product by the number on its box (`find`): partial, since many have none.
CREATE INDEX product_by_gtin ON product (gtin) WHERE gtin IS NOT NULL;
