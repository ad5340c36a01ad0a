-- A job as bytes. The fixed part comes first, so that the hot paths cut and join strings instead of decoding:
--
--    1     'j' (in a request: what a conflict does, 'i' ignore, 'r' replace, 'o' run once more)
--    2     state: S cheduled, A vailable, R unning, T retryable, C ompleted, X cancelled, D iscarded, Q uarantined
--    3     place of a waiting job: 'L' a list of fresh jobs, 'Z' lanes, 'D' due set, '-' nowhere
--    4     priority '0' to '3'        5  flags          6–7   version
--    8–11  errors                     12–15  crashes
--    16–23 enqueued at                24–31  due at (in a request: run at, or zero)
--    32–39 fence    40–47 started at    48–55 finished at    (zero: none)
--    56–71 id
--    72    length, kind; length, queue; two bytes length, extras; payload
--
-- Extras in this order, each if its flag is set: group (16), expires at (8), unique key (scope, span (8), length, key),
-- fairness key (length, key). A popped token leaves the record of a running job as it was ('A', 'L'): see place.lua. Plain
-- fresh jobs have no record of their own: see pack.lua.

local GROUP, UNIQUE, EXPIRES, FAIR, ERROR = 1, 2, 4, 8, 16
local FIXED = 71

local function has(flags, flag) return flags % (flag * 2) >= flag end

-- What the hot paths need of a record, nil when the bytes cannot be a job of ours: state and place as bytes, flags, version,
-- length of the kind, where the payload begins.
local function shape(rec)
  if not rec then return nil end
  local magic, state, place, _, flags, high, low = byte(rec, 1, 7)
  local kind = byte(rec, 72)
  local queue = magic == 106 and kind and byte(rec, 73 + kind)
  if not queue then return nil end
  local at = 74 + kind + queue
  local upper, lower = byte(rec, at, at + 1)
  if not lower then return nil end
  at = at + 2 + upper * 256 + lower
  if at > #rec + 1 then return nil end
  return state, place, flags, high * 256 + low, kind, at
end

local function sound(rec) return rec and shape(rec) ~= nil end

local function kind_of(rec) return sub(rec, FIXED + 2, FIXED + 1 + byte(rec, FIXED + 1)) end

local function queue_of(rec)
  local at = FIXED + 2 + byte(rec, FIXED + 1)
  return sub(rec, at + 1, at + byte(rec, at))
end

local function parse(seq, rec)
  local job = {
    seq = seq, state = sub(rec, 2, 2), place = sub(rec, 3, 3), prio = sub(rec, 4, 4), flags = byte(rec, 5),
    version = sub(rec, 6, 7), errors = unpack_('>I4', sub(rec, 8, 11)), crashes = unpack_('>I4', sub(rec, 12, 15)),
    enqueued = sub(rec, 16, 23), due = sub(rec, 24, 31), fence = sub(rec, 32, 39), started = sub(rec, 40, 47),
    finished = sub(rec, 48, 55), id = sub(rec, 56, 71), kind = kind_of(rec), queue = queue_of(rec),
  }
  local at = FIXED + 2 + #job.kind + 1 + #job.queue
  local length = byte(rec, at) * 256 + byte(rec, at + 1)
  at = at + 2
  job.extras = sub(rec, at, at + length - 1)
  job.payload = sub(rec, at + length)
  return job
end

local function build(job)
  return concat({
    'j', job.state, job.place, job.prio, char(job.flags), job.version, pack('>I4', job.errors),
    pack('>I4', job.crashes), job.enqueued, job.due, job.fence, job.started, job.finished, job.id, char(#job.kind),
    job.kind, char(#job.queue), job.queue, pack('>I2', #job.extras), job.extras, job.payload,
  })
end

-- The extras, each nil where there is none.
local function extras(job)
  local at, text, found = 1, job.extras, {}
  if has(job.flags, GROUP) then
    found.group = sub(text, at, at + 15); at = at + 16
  end
  if has(job.flags, EXPIRES) then
    found.expires = sub(text, at, at + 7); at = at + 8
  end
  if has(job.flags, UNIQUE) then
    local length = byte(text, at + 9)
    found.scope, found.span = sub(text, at, at), u64(sub(text, at + 1, at + 8))
    found.key = sub(text, at + 10, at + 9 + length); at = at + 10 + length
  end
  if has(job.flags, FAIR) then found.fair = sub(text, at + 1, at + byte(text, at)) end
  return found
end

-- Puts the extras back.
local function set_extras(job, found)
  local parts, flags = {}, job.flags - job.flags % ERROR
  if found.group then parts[#parts + 1] = found.group; flags = flags + GROUP end
  if found.expires then parts[#parts + 1] = found.expires; flags = flags + EXPIRES end
  if found.key then
    parts[#parts + 1] = found.scope .. s64(found.span) .. char(#found.key) .. found.key
    flags = flags + UNIQUE
  end
  if found.fair then parts[#parts + 1] = char(#found.fair) .. found.fair; flags = flags + FAIR end
  job.flags, job.extras = flags, concat(parts)
end

local function waits(job) return job.state == 'A' or job.state == 'S' or job.state == 'T' end
local function is_final(state) return state == 'C' or state == 'X' or state == 'D' or state == 'Q' end

-- When a waiting job expires, if it still can.
local function may_expire(job)
  if has(job.flags, EXPIRES) and waits(job) and job.started == NONE8 then return extras(job).expires end
end

local function save(job)
  call('HSET', P .. 'jobs', job.seq, build(job))
  if job.pack then Pack.leave(job) end
end

-- The last error stands beside the record: few jobs have one.
local function set_error(job, text)
  call('HSET', P .. 'errors', job.seq, text)
  if not has(job.flags, ERROR) then job.flags = job.flags + ERROR end
end

local function clear_error(job)
  if has(job.flags, ERROR) then
    call('HDEL', P .. 'errors', job.seq)
    job.flags = job.flags - ERROR
  end
end

-- Bytes that count against the retention.
local function weight(job)
  local bytes = #job.payload
  if has(job.flags, ERROR) then bytes = bytes + call('HSTRLEN', P .. 'errors', job.seq) end
  return bytes
end
