-- The queue in a schema of its own, which the search path names. As in SQLite (migrations/sqlite/queue), with the types of
-- PostgreSQL; what stands for yes and no is 1 and 0 in both. Numbers of states, scopes and flags: queue/src/sql/codes.rs.
-- Every index that a worker's loop touches is partial, over live jobs only: history costs nothing.

-- What the statements of both databases call by the names that SQLite has for them.
CREATE FUNCTION json_each(list text) RETURNS TABLE (key int, value jsonb) LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100
    AS $$ SELECT (n - 1)::int, item FROM jsonb_array_elements(list::jsonb) WITH ORDINALITY AS each (item, n) $$;
CREATE FUNCTION instr(text text, part text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT strpos(text, part) $$;
CREATE FUNCTION hex(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT encode(bytes, 'hex') $$;

CREATE TABLE queue (
    n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text COLLATE "C" NOT NULL UNIQUE,
    paused      bigint, -- NULL: it never was
    max_running bigint, -- jobs of one key at once
    rate_jobs   bigint, -- jobs of one key …
    rate_ms     bigint  -- … in this time
);

-- Jobs of one queue, kind and payload version; claims read only the lanes that the worker knows. Never deleted.
CREATE TABLE lane (
    n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue   bigint NOT NULL REFERENCES queue,
    kind    text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    UNIQUE (queue, kind, version)
);

-- How many jobs each lane has in each state, and the bytes of those that are finished.
CREATE TABLE tally (
    lane  bigint NOT NULL,
    state bigint NOT NULL,
    jobs  bigint NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (lane, state)
) WITH (fillfactor = 50);

CREATE TABLE job (
    seq          bigint PRIMARY KEY, -- order of arrival
    id           bytea NOT NULL,
    lane         bigint NOT NULL,
    queue        bigint NOT NULL,
    priority     bigint NOT NULL,
    state        bigint NOT NULL,
    fence        bigint NOT NULL DEFAULT 0,
    flags        bigint NOT NULL DEFAULT 0,
    errors       bigint NOT NULL DEFAULT 0,
    crashes      bigint NOT NULL DEFAULT 0,
    bytes        bigint NOT NULL,    -- of payload and last_error
    enqueued_at  bigint NOT NULL,
    due_at       bigint NOT NULL,
    stale_at     bigint,             -- expires_at until the first start, NULL from then on
    lease_ends   bigint,
    started_at   bigint,
    finished_at  bigint,
    worker       bigint,             -- who holds it, while running
    grp          bigint,
    expires_at   bigint,
    fairness_key text COLLATE "C",
    fair         text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(fairness_key, '')) STORED,
    unique_key   text,
    unique_scope bigint,
    last_error   text
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

CREATE UNIQUE INDEX job_id ON job (id);
CREATE INDEX job_available ON job (lane, priority, fair, due_at, seq) WHERE state = 1;
CREATE INDEX job_oldest ON job (lane, due_at) WHERE state = 1;
CREATE INDEX job_waiting ON job (queue, due_at, seq) WHERE state IN (0, 3);
CREATE INDEX job_running ON job (worker, lease_ends, seq) WHERE state = 2;
-- Running jobs that take a slot of their key: of queues that limit them only, so that others pay nothing.
CREATE INDEX job_slot ON job (queue, fairness_key) WHERE state = 2 AND flags & 16 <> 0;
CREATE INDEX job_stale ON job (stale_at) WHERE stale_at IS NOT NULL AND state IN (0, 1);
CREATE INDEX job_kept ON job (finished_at, seq) WHERE state IN (4, 5);
CREATE INDEX job_cancelled ON job (finished_at) WHERE state = 5;
CREATE INDEX job_dead ON job (finished_at, seq) WHERE state IN (6, 7);
CREATE INDEX job_grp ON job (grp) WHERE grp IS NOT NULL;

-- Apart, so that a change of state does not write the payload again.
CREATE TABLE payload (
    seq  bigint PRIMARY KEY,
    body bytea NOT NULL
);

-- The last fencing token. One for each claim, of any job: a pruned job that comes again cannot meet its old ones.
CREATE TABLE token (fence bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO token VALUES (0);

-- Unique keys that are held, and by which job.
CREATE TABLE hold (
    kind  text COLLATE "C" NOT NULL,
    key   text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    scope bigint NOT NULL,
    until bigint,
    PRIMARY KEY (kind, key)
);
CREATE INDEX hold_seq ON hold (seq);

-- The request (JSON of a NewJob) that is enqueued when the job ends.
CREATE TABLE once_more (
    seq     bigint PRIMARY KEY,
    request text NOT NULL
);

CREATE TABLE grp (
    n             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            bytea NOT NULL UNIQUE,
    name          text NOT NULL,
    parent        bigint,
    follow_up     text,
    sealed        bigint NOT NULL,
    total         bigint NOT NULL DEFAULT 0,
    pending       bigint NOT NULL DEFAULT 0,
    completed     bigint NOT NULL DEFAULT 0,
    cancelled     bigint NOT NULL DEFAULT 0,
    failed        bigint NOT NULL DEFAULT 0,
    open_children bigint NOT NULL DEFAULT 0,
    opened_at     bigint NOT NULL,
    done_at       bigint
) WITH (fillfactor = 50);
CREATE INDEX grp_done ON grp (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE counter (
    grp   bigint NOT NULL,
    name  text COLLATE "C" NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (grp, name)
) WITH (fillfactor = 50);

CREATE TABLE cron (
    entry text COLLATE "C" PRIMARY KEY,
    slot  bigint NOT NULL
);

CREATE TABLE worker (
    n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL UNIQUE,
    host       text NOT NULL,
    pid        bigint NOT NULL,
    presence   text NOT NULL,         -- the process that has it
    state      bigint NOT NULL,
    started_at bigint NOT NULL,
    seen_at    bigint NOT NULL,
    patience   bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE leader (
    role   text COLLATE "C" PRIMARY KEY,
    worker text NOT NULL,
    fence  bigint NOT NULL,
    until  bigint NOT NULL
);

-- The last turn served in a priority; written only while some key is behind it.
CREATE TABLE turn (
    queue    bigint NOT NULL,
    priority bigint NOT NULL,
    served   bigint NOT NULL,
    PRIMARY KEY (queue, priority)
);

-- Keys with available jobs whose turn has come or passed (at most `turn.served`). All others join behind it.
CREATE TABLE share (
    queue    bigint NOT NULL,
    priority bigint NOT NULL,
    key      text COLLATE "C" NOT NULL,
    turn     bigint NOT NULL,
    PRIMARY KEY (queue, priority, key)
);

-- Keys that have used some of their rate: theoretical arrival times in microseconds (queue/src/limits/rate.rs).
CREATE TABLE pace (
    queue bigint NOT NULL,
    key   text COLLATE "C" NOT NULL,
    tat   bigint NOT NULL,
    PRIMARY KEY (queue, key)
);
CREATE INDEX pace_idle ON pace (queue, tat);
