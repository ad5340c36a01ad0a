-- Packs. Fresh jobs of one call that follow each other, of one queue, priority, kind and version, without group, expiry or
-- time of their own, are stored together and never change: either jobs without fairness key, or jobs that each have one
-- ("keyed"). The head, in the hash `packs` by the order of arrival of the first job:
--
--    1–8 enqueued and due at   9 'p', 'a' for ascending (ids.lua)   10–11 jobs   12 priority   13–14 version   length, kind; length, queue; two bytes
--    length, shares; 16 bytes of id a job; 4 bytes a job, where its payload ends, counted from the first payload
--
-- The shares of a keyed pack: length, fairness key, place of its first job (2), how many (2), of each; then a byte a job,
-- which share it is of, counted from 1.
--
-- The payloads are a key of their own: every string that Lua sees is hashed byte by byte, so they are read by ranges.
-- The sorted set `spans` finds the pack of any order of arrival; ids.lua leads to the pack. In the lists of fresh jobs it is
-- one token for each of its shares (fresh.lua).
-- Completed jobs stay in their pack: the hash `ran` has each run of jobs that one call completed, by its first job:
-- finished at, started at, fence of the first (8 each), how many (2), and their places (2 each) if they do not follow each
-- other. A job to which anything else happens leaves: its
-- record stands in `jobs` from then on, and its flag in `gone` (one character a job) is '1'. So it is when it is pruned. A
-- pack that all have left is deleted.

local Pack = {}

do -- a scope of its own: Lua allows 200 local names at once

-- Whether a producer sent the head of a pack, not a request.
function Pack.is_head(item) return byte(item, 1) == 112 or byte(item, 1) == 97 end

-- Takes the head of a pack apart; nil when the bytes cannot be one.
function Pack.read(name, raw)
  if not raw or #raw < 19 or #name ~= 8 then return nil end
  local magic, kind = byte(raw, 9), byte(raw, 15)
  local queue = byte(raw, 16 + kind)
  local head = queue and 16 + kind + queue
  if (magic ~= 112 and magic ~= 97) or not head or #raw < head + 2 then return nil end
  local n, shares = unpack_('>I2', raw, 10), unpack_('>I2', raw, head + 1)
  local ids = head + 2 + shares
  if n == 0 or (shares > 0 and shares <= n) or #raw ~= ids + 20 * n then return nil end
  return { name = name, first = u64(name), raw = raw, n = n, head = head, ascends = magic == 97, ids = ids, ends = ids + 16 * n,
    who = shares > 0 and sub(raw, ids - n + 1, ids) or nil }
end

function Pack.prio(p) return sub(p.raw, 12, 12) end
function Pack.version(p) return (unpack_('>I2', p.raw, 13)) end
function Pack.kind(p) return sub(p.raw, 16, 15 + byte(p.raw, 15)) end
function Pack.queue(p) return sub(p.raw, 17 + byte(p.raw, 15), p.head) end
function Pack.body(name) return P .. 'b:' .. name end
-- The entry of an ascending pack in `ranges`.
function Pack.range(p) return Pack.id(p, 0) .. p.name end

function Pack.open(name)
  local p = opened[name]
  if p == nil then
    p = Pack.read(name, call('HGET', P .. 'packs', name)) or false
    opened[name] = p
  end
  return p
end

-- Opens packs in two commands, with what `has_left` needs of them.
function Pack.open_all(names)
  local new, flagless = {}, {}
  for k = 1, #names do
    local p = opened[names[k]]
    if p == nil then new[#new + 1] = names[k] end
    if p == nil or (p and p.gone == nil) then flagless[#flagless + 1] = names[k] end
  end
  local raws, flags = fields(P .. 'packs', new), fields(P .. 'gone', flagless)
  for k = 1, #new do opened[new[k]] = Pack.read(new[k], raws[k]) or false end
  for k = 1, #flagless do
    local p = opened[flagless[k]]
    if p then p.gone = flags[k] end
  end
end

-- ---- the shares of a keyed pack

-- Each: fairness key, place of its first job, how many.
function Pack.shares(p)
  if p.shares then return p.shares end
  local shares, at = {}, p.head + 3
  while p.who and at <= p.ids - p.n do
    local length = byte(p.raw, at)
    local first, many = unpack_('>I2I2', sub(p.raw, at + 1 + length, at + 4 + length) .. '\0\0\0\0')
    shares[#shares + 1] = { key = sub(p.raw, at + 1, at + length), first = first, many = many }
    at = at + 5 + length
  end
  p.shares = shares
  return shares
end

-- The share of a job; nil in a pack of jobs without key.
function Pack.share(p, i)
  local share = p.who and Pack.shares(p)[byte(p.who, i + 1)]
  return share and share.key
end

-- Calls `visit` with each share of `n` jobs from `i` on, and how many of them are its.
function Pack.each_share(p, i, n, visit)
  if not p.who then return end
  local shares = Pack.shares(p)
  if #shares == 1 then return visit(shares[1].key, n) end
  local numbers, many = { byte(p.who, i + 1, i + n) }, {}
  for k = 1, #numbers do
    local number = numbers[k]
    many[number] = (many[number] or 0) + 1
  end
  for number, count_ in pairs(many) do
    if shares[number] then visit(shares[number].key, count_) end
  end
end

-- ---- its jobs

-- Where the payloads of the first `n` jobs end.
function Pack.bytes(p, n)
  if n == 0 then return 0 end
  return (unpack_('>I4', p.raw, p.ends + 4 * n - 3))
end

-- The ids of `n` jobs from `i` on.
function Pack.ids(p, i, n) return sub(p.raw, p.ids + 16 * i + 1, p.ids + 16 * (i + n)) end
function Pack.id(p, i) return Pack.ids(p, i, 1) end

-- Whether the payloads are there.
function Pack.is_whole(p) return call('STRLEN', Pack.body(p.name)) == Pack.bytes(p, p.n) end

-- The payloads from one byte to another; nothing where they are lost.
local function payloads(p, from, to)
  if p.sent then return sub(p.sent, from + 1, to) end
  if from >= to then return '' end
  return call('GETRANGE', Pack.body(p.name), from, to - 1)
end

-- A job as a record or request (record.lua) that begins with `state`.
local function job_of(p, i, state, at)
  local raw, share = p.raw, Pack.share(p, i)
  local extras_ = share and pack('>I2', 1 + #share) .. char(#share) .. share or '\0\0'
  return concat({ state, sub(raw, 12, 12), share and '\8' or '\0', sub(raw, 13, 14), NONE8, at, at, NONE8, NONE8, NONE8,
    Pack.id(p, i), sub(raw, 15, p.head), extras_, payloads(p, Pack.bytes(p, i), Pack.bytes(p, i + 1)) })
end

-- The record of a job as it was enqueued.
function Pack.record(p, i) return job_of(p, i, 'jAL', sub(p.raw, 1, 8)) end
function Pack.request(p, i) return job_of(p, i, 'i--', NONE8) end

-- `n` jobs from `i` on as a worker gets them: head without shares, ids and ends; ids; where the first payload begins and where each
-- ends, payloads. nil when payloads are lost.
function Pack.cut(p, i, n)
  local from, to = Pack.bytes(p, i), Pack.bytes(p, i + n)
  local text = payloads(p, from, to)
  if #text ~= to - from then return nil end
  p.told = p.told or sub(p.raw, 1, p.head)
  local ends = sub(p.raw, p.ends + 4 * i + (i > 0 and -3 or 1), p.ends + 4 * (i + n))
  return p.told, Pack.ids(p, i, n), i > 0 and ends or '\0\0\0\0' .. ends, text
end

-- Places as two bytes each.
function Pack.numbers(places)
  return pack('>' .. string.rep('I2', #places), unpack(places))
end

-- The ids of jobs by their places.
function Pack.ids_at(p, places)
  local ids, raw, first = {}, p.raw, p.ids + 1
  for k = 1, #places do
    local at = first + 16 * places[k]
    ids[k] = sub(raw, at, at + 15)
  end
  return concat(ids)
end

-- As `cut`, of jobs by their places: of each where its payload begins and ends. Where they lie close to each other, payloads
-- between them come along.
function Pack.gather(p, places)
  local n, raw, spans = #places, p.raw, {}
  local from, to, text = Pack.bytes(p, places[1]), Pack.bytes(p, places[n] + 1), nil
  if 8 * n > places[n] - places[1] then
    text = payloads(p, from, to)
    if #text ~= to - from then return nil end
    for k = 1, n do
      local at = p.ends + 4 * places[k]
      spans[k] = places[k] > 0 and sub(raw, at - 3, at + 4) or '\0\0\0\0' .. sub(raw, at + 1, at + 4)
    end
  else
    local texts, at = {}, 0
    for k = 1, n do
      from, to = Pack.bytes(p, places[k]), Pack.bytes(p, places[k] + 1)
      texts[k] = payloads(p, from, to)
      if #texts[k] ~= to - from then return nil end
      spans[k] = pack('>I4I4', at, at + to - from)
      at = at + to - from
    end
    text = concat(texts)
  end
  p.told = p.told or sub(raw, 1, p.head)
  return p.told, Pack.ids_at(p, places), concat(spans), text
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
  if p.ascends then call('ZREM', P .. 'ranges', Pack.range(p)) end
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

-- The place of an id, or nil.
function Pack.place_of(p, id)
  if not p.place_by_id then
    local places, raw, at = {}, p.raw, p.ids + 1
    for i = 0, p.n - 1 do places[sub(raw, at + 16 * i, at + 16 * i + 15)] = i end
    p.place_by_id = places
  end
  return p.place_by_id[id]
end

-- The order of arrival of an id that leads to `at` (ids.lua).
function Pack.seq_of(id, at)
  local p = Pack.open(at)
  local i = p and Pack.place_of(p, id)
  if not i or Pack.has_left(p, i) then return at end
  return s64(p.first + i)
end

-- The run of completed jobs that a job is in: when it ended and began, and the job's fence; or nil.
function Pack.ended(p, i)
  if not p.ran then
    p.ran = {}
    local runs = fields(P .. 'ran', Pack.orders(p))
    for k = 1, p.n do
      local run = runs[k]
      if run and #run >= 26 then
        local fence, n = unpack_('>I8I2', run, 17)
        for past = 0, n - 1 do
          local place = #run == 26 + 2 * n and unpack_('>I2', run, 27 + 2 * past) or k - 1 + past
          p.ran[place] = { finished = sub(run, 1, 8), started = sub(run, 9, 16), fence = s64(fence + past) }
        end
      end
    end
  end
  return p.ran[i]
end

end
