-- The queue in one file. Numbers of states, scopes and flags: queue/src/sqlite/codes.rs.
-- Every index that a worker's loop touches is partial, over live jobs only: history costs nothing.
PRAGMA application_id = 0x424B5351; -- "BKSQ"

CREATE TABLE queue (
    n      INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    paused INTEGER -- NULL: it never was
) STRICT;

-- Jobs of one queue, kind and payload version; claims read only the lanes that the worker knows. Never deleted.
CREATE TABLE lane (
    n       INTEGER PRIMARY KEY,
    queue   INTEGER NOT NULL REFERENCES queue,
    kind    TEXT NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (queue, kind, version)
) STRICT;

-- How many jobs each lane has in each state, and the bytes of those that are finished.
CREATE TABLE tally (
    lane  INTEGER NOT NULL REFERENCES lane,
    state INTEGER NOT NULL,
    jobs  INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (lane, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    seq          INTEGER PRIMARY KEY, -- order of arrival
    id           BLOB NOT NULL,
    lane         INTEGER NOT NULL REFERENCES lane,
    queue        INTEGER NOT NULL REFERENCES queue,
    priority     INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    fence        INTEGER NOT NULL DEFAULT 0,
    flags        INTEGER NOT NULL DEFAULT 0,
    errors       INTEGER NOT NULL DEFAULT 0,
    crashes      INTEGER NOT NULL DEFAULT 0,
    bytes        INTEGER NOT NULL,    -- of payload and last_error
    enqueued_at  INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    stale_at     INTEGER,             -- expires_at until the first start, NULL from then on
    lease_ends   INTEGER,
    started_at   INTEGER,
    finished_at  INTEGER,
    worker       INTEGER,             -- who holds it, while running
    grp          INTEGER,
    expires_at   INTEGER,
    fairness_key TEXT,
    unique_key   TEXT,
    unique_scope INTEGER,
    last_error   TEXT
) STRICT;

CREATE UNIQUE INDEX job_id ON job (id);
CREATE INDEX job_available ON job (lane, priority, due_at, seq, bytes, stale_at) WHERE state = 1;
CREATE INDEX job_waiting ON job (queue, due_at) WHERE state IN (0, 3);
CREATE INDEX job_running ON job (worker, lease_ends) WHERE state = 2;
CREATE INDEX job_stale ON job (stale_at) WHERE stale_at IS NOT NULL AND state IN (0, 1);
CREATE INDEX job_kept ON job (finished_at) WHERE state IN (4, 5);
CREATE INDEX job_cancelled ON job (finished_at) WHERE state = 5;
CREATE INDEX job_dead ON job (finished_at) WHERE state IN (6, 7);
CREATE INDEX job_grp ON job (grp) WHERE grp IS NOT NULL;

-- Apart, so that a change of state does not write the payload again.
CREATE TABLE payload (
    seq  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- The last fencing token. One for each claim, of any job: a pruned job that comes again cannot meet its old ones.
CREATE TABLE token (fence INTEGER NOT NULL) STRICT;
INSERT INTO token VALUES (0);

-- Unique keys that are held, and by which job.
CREATE TABLE hold (
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_seq ON hold (seq);

-- The request (JSON of a NewJob) that is enqueued when the job ends.
CREATE TABLE once_more (
    seq     INTEGER PRIMARY KEY,
    request TEXT NOT NULL
) STRICT;

CREATE TABLE grp (
    n             INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    parent        INTEGER,
    follow_up     TEXT,
    sealed        INTEGER NOT NULL,
    total         INTEGER NOT NULL DEFAULT 0,
    pending       INTEGER NOT NULL DEFAULT 0,
    completed     INTEGER NOT NULL DEFAULT 0,
    cancelled     INTEGER NOT NULL DEFAULT 0,
    failed        INTEGER NOT NULL DEFAULT 0,
    open_children INTEGER NOT NULL DEFAULT 0,
    opened_at     INTEGER NOT NULL,
    done_at       INTEGER
) STRICT;
CREATE INDEX grp_done ON grp (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE counter (
    grp   INTEGER NOT NULL,
    name  TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (grp, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE cron (
    entry TEXT PRIMARY KEY,
    slot  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    presence   TEXT NOT NULL,         -- the lock file that its process holds
    state      INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    patience   INTEGER NOT NULL
) STRICT;

CREATE TABLE leader (
    role   TEXT PRIMARY KEY,
    worker TEXT NOT NULL,
    fence  INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
