-- Fairness keys: claims take turns among them, within limits.

-- Jobs whose key is empty have none (flag 32 remembers how it was given).
UPDATE job SET fairness_key = NULL, flags = flags | 32 WHERE fairness_key = '';

DROP INDEX job_available;
CREATE INDEX job_available ON job (lane, priority, fairness_key, due_at, seq, bytes, stale_at) WHERE state = 1;
-- Running jobs that take a slot of their key: of queues that limit them only, so that others pay nothing.
CREATE INDEX job_slot ON job (queue, fairness_key) WHERE state = 2 AND flags & 16;

-- The last turn served in a priority; written only while some key is behind it.
CREATE TABLE turn (
    queue    INTEGER NOT NULL REFERENCES queue,
    priority INTEGER NOT NULL,
    served   INTEGER NOT NULL,
    PRIMARY KEY (queue, priority)
) STRICT, WITHOUT ROWID;

-- Keys with available jobs whose turn has come or passed (at most `turn.served`). All others join behind it.
CREATE TABLE share (
    queue    INTEGER NOT NULL REFERENCES queue,
    priority INTEGER NOT NULL,
    key      TEXT NOT NULL,
    turn     INTEGER NOT NULL,
    PRIMARY KEY (queue, priority, key)
) STRICT, WITHOUT ROWID;

ALTER TABLE queue ADD COLUMN max_running INTEGER; -- jobs of one key at once
ALTER TABLE queue ADD COLUMN rate_jobs INTEGER;   -- jobs of one key …
ALTER TABLE queue ADD COLUMN rate_ms INTEGER;     -- … in this time

-- Keys that have used some of their rate: theoretical arrival times in microseconds (queue/src/limits/rate.rs).
CREATE TABLE pace (
    queue INTEGER NOT NULL REFERENCES queue,
    key   TEXT NOT NULL,
    tat   INTEGER NOT NULL,
    PRIMARY KEY (queue, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX pace_idle ON pace (queue, tat);
