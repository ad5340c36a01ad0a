-- Packs. Fresh jobs of one call that follow each other, of one queue, priority, kind and version, without key, group,
-- expiry or time of their own, are stored together and never change. The head, in the hash `packs` by the order of arrival
-- of the first job:
--
--    1–8 enqueued and due at   9 'p'   10–11 jobs   12 priority   13–14 version   length, kind; length, queue; 16 bytes of
--    id a job; 4 bytes a job, where its payload ends, counted from the first payload
--
-- The payloads are a key of their own: every string that Lua sees is hashed byte by byte, so they are read by ranges.
-- The sorted set `spans` finds the pack of any order of arrival; `ids` leads to the pack. In the list of fresh jobs it is one
-- token (place.lua).
-- Completed jobs stay in their pack: the hash `ran` has each run of jobs that one call completed, by its first job:
-- finished at, started at, fence of the first (8 each), how many (2). A job to which anything else happens leaves: its
-- record stands in `jobs` from then on, and its flag in `gone` (one character a job) is '1'. So it is when it is pruned. A
-- pack that all have left is deleted.

local Pack = {}

do -- a scope of its own: Lua allows 200 local names at once

-- Takes the head of a pack apart; nil when the bytes cannot be one.
function Pack.read(name, raw)
  if not raw or #raw < 17 or #name ~= 8 then return nil end
  local magic, kind = byte(raw, 9), byte(raw, 15)
  local queue = byte(raw, 16 + kind)
  if magic ~= 112 or not queue then return nil end
  local n, head = unpack_('>I2', sub(raw, 10, 11)), 16 + kind + queue
  if n == 0 or #raw ~= head + 20 * n then return nil end
  return { name = name, first = u64(name), raw = raw, n = n, head = head, ends = head + 16 * n }
end

function Pack.prio(p) return sub(p.raw, 12, 12) end
function Pack.version(p) return (unpack_('>I2', sub(p.raw, 13, 14))) end
function Pack.kind(p) return sub(p.raw, 16, 15 + byte(p.raw, 15)) end
function Pack.queue(p) return sub(p.raw, 17 + byte(p.raw, 15), p.head) end
function Pack.body(name) return P .. 'b:' .. name end

function Pack.open(name)
  local p = opened[name]
  if p == nil then
    p = Pack.read(name, call('HGET', P .. 'packs', name)) or false
    opened[name] = p
  end
  return p
end

-- Where the payloads of the first `n` jobs end.
function Pack.bytes(p, n)
  if n == 0 then return 0 end
  local at = p.ends + 4 * n
  return (unpack_('>I4', sub(p.raw, at - 3, at)))
end

function Pack.id(p, i) return sub(p.raw, p.head + 16 * i + 1, p.head + 16 * i + 16) end

-- Whether the payloads are there.
function Pack.is_whole(p) return call('STRLEN', Pack.body(p.name)) == Pack.bytes(p, p.n) end

-- The payloads of `n` jobs from `i` on; nothing where they are lost.
local function payloads(p, i, n)
  local from, to = Pack.bytes(p, i), Pack.bytes(p, i + n)
  if p.sent then return sub(p.sent, from + 1, to) end
  if from >= to then return '' end
  return call('GETRANGE', Pack.body(p.name), from, to - 1)
end

-- A job as a record or request (record.lua) that begins with `state`.
local function job_of(p, i, state, at)
  local raw = p.raw
  return concat({ state, sub(raw, 12, 12), '\0', sub(raw, 13, 14), NONE8, at, at, NONE8, NONE8, NONE8, Pack.id(p, i),
    sub(raw, 15, p.head), '\0\0', payloads(p, i, 1) })
end

-- The record of a job as it was enqueued.
function Pack.record(p, i) return job_of(p, i, 'jAL', sub(p.raw, 1, 8)) end
function Pack.request(p, i) return job_of(p, i, 'i--', NONE8) end

-- `n` jobs from `i` on as a worker gets them: head without ids and ends, ids, where the first payload begins and where each
-- ends, payloads. nil when payloads are lost.
function Pack.cut(p, i, n)
  local raw, text = p.raw, payloads(p, i, n)
  if #text ~= Pack.bytes(p, i + n) - Pack.bytes(p, i) then return nil end
  local ends = sub(raw, p.ends + 4 * i + 1, p.ends + 4 * (i + n))
  return sub(raw, 1, p.head), sub(raw, p.head + 16 * i + 1, p.head + 16 * (i + n)),
    pack('>I4', Pack.bytes(p, i)) .. ends, text
end

-- Keeps the head and payloads of a pack that cannot be read apart for whoever looks.
function Pack.set_aside(name)
  call('HSET', P .. 'damaged', 'pack:' .. name, call('HGET', P .. 'packs', name) or '',
    'body:' .. name, call('GET', Pack.body(name)) or '')
  call('UNLINK', Pack.body(name))
  call('HDEL', P .. 'packs', name)
  call('ZREM', P .. 'spans', name)
  opened[name] = false
end

-- ---- which of its jobs have left

local function gone(p)
  if p.gone == nil then p.gone = call('HGET', P .. 'gone', p.name) end
  return p.gone
end

function Pack.has_left(p, i)
  local flags = gone(p)
  return flags and byte(flags, i + 1) == 49
end

-- `n` jobs from `i` on leave. To be followed by `flush`, which writes it.
function Pack.drop(p, i, n)
  local flags = gone(p) or string.rep('0', p.n)
  p.gone, p.dropped = sub(flags, 1, i) .. string.rep('1', n) .. sub(flags, i + n + 1), true
end

function Pack.orders(p)
  local seqs = {}
  for i = 1, p.n do seqs[i] = s64(p.first + i - 1) end
  return seqs
end

function Pack.flush(p)
  p.dropped = nil
  if string.find(p.gone, '0', 1, true) then return call('HSET', P .. 'gone', p.name, p.gone) end
  call('UNLINK', Pack.body(p.name))
  call('HDEL', P .. 'packs', p.name)
  call('HDEL', P .. 'gone', p.name)
  call('ZREM', P .. 'spans', p.name)
  bulk('HDEL', P .. 'ran', Pack.orders(p))
  opened[p.name] = false
end

-- A job leaves because its record will stand in `jobs`.
function Pack.leave(job)
  Pack.drop(job.pack, job.index, 1)
  Pack.flush(job.pack)
  call('HSET', P .. 'ids', job.id, job.seq)
  job.pack = nil
end

-- ---- finding jobs

-- The pack that an order of arrival is in, and its place there; nil when its job has left or there is none.
function Pack.of(seq, near)
  local number = u64(seq)
  local p = near
  if not p or number < p.first or number >= p.first + p.n then
    local name = call('ZREVRANGEBYSCORE', P .. 'spans', number, '-inf', 'LIMIT', 0, 1)[1]
    p = name and Pack.open(name)
  end
  local i = p and number - p.first
  if i and i >= 0 and i < p.n and not Pack.has_left(p, i) then return p, i end
end

-- The order of arrival of an id that `ids` leads to `at`.
function Pack.seq_of(id, at)
  local p = Pack.open(at)
  if not p then return at end
  for i = 0, p.n - 1 do
    if Pack.id(p, i) == id then
      if Pack.has_left(p, i) then return at end
      return s64(p.first + i)
    end
  end
  return at
end

-- The run of completed jobs that a job is in: when it ended and began, and the job's fence; or nil.
function Pack.ended(p, i)
  if not p.ran then
    p.ran = {}
    local runs = fields(P .. 'ran', Pack.orders(p))
    for k = 1, p.n do
      local run = runs[k]
      if run and #run == 26 then
        local fence = u64(sub(run, 17, 24))
        for past = 0, unpack_('>I2', sub(run, 25, 26)) - 1 do
          p.ran[k - 1 + past] = { finished = sub(run, 1, 8), started = sub(run, 9, 16), fence = s64(fence + past) }
        end
      end
    end
  end
  return p.ran[i]
end

end
