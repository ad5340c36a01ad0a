-- Leases. The jobs of one claim form a bundle: one field of the hash `run`, one entry in the set of deadlines, one in the
-- set of what each worker holds. The fence of a job is its bundle's number times 512 plus its index in the bundle.
--
--    1 'b'   2–3 open leases   4–11 started at   12–19 deadline   length, worker   length, queue   2 bytes, leases
--    flags, one a lease: '1' open or '0'
--    '-', or 'd' and 8 bytes a lease: deadlines that were renewed
--    runs of jobs in order: 'p', order of arrival of the first (8), how many (2), name of the pack (8); or 's', how many (2),
--    name of the pack (8), places in it (2 each); or 'j', how many (2), orders of arrival (8 each)
--
-- The set of deadlines holds a lower bound for each bundle, so that a renewal costs nothing there.

local SPREAD = 512

local function held_name(worker, name) return char(#worker) .. worker .. name end

-- Takes the runs of a bundle apart; false when they do not fit.
local function read_runs(b)
  local raw, at, index, runs = b.raw, b.tail, 0, {}
  while at <= #raw do
    local run = { at = index }
    if byte(raw, at) == 112 and at + 18 <= #raw then
      run.n, run.first = unpack_('>I2', sub(raw, at + 9, at + 10)), u64(sub(raw, at + 1, at + 8))
      run.pack = sub(raw, at + 11, at + 18)
      at = at + 19
    elseif byte(raw, at) == 115 and at + 10 <= #raw then
      run.n, run.pack, run.places = unpack_('>I2', raw, at + 1), sub(raw, at + 3, at + 10), at + 11
      at = at + 11 + 2 * run.n
    elseif byte(raw, at) == 106 and at + 2 <= #raw then
      run.n, run.seqs = unpack_('>I2', sub(raw, at + 1, at + 2)), at + 3
      at = at + 3 + 8 * run.n
    else
      return false
    end
    runs[#runs + 1], index = run, index + run.n
  end
  return index == b.size and at == #raw + 1 and runs
end

-- nil when the bytes are no bundle.
local function read_bundle(number, name, raw)
  if not raw or #raw < 24 or byte(raw, 1) ~= 98 then return nil end
  local worker = byte(raw, 20)
  local queue = byte(raw, 21 + worker)
  local base = queue and 23 + worker + queue
  if not base or #raw < base then return nil end
  local size = unpack_('>I2', sub(raw, base - 1, base))
  local b = {
    name = name, number = number, raw = raw, open = unpack_('>I2', sub(raw, 2, 3)), started = sub(raw, 4, 11),
    deadline = sub(raw, 12, 19), worker = sub(raw, 21, 20 + worker), queue = sub(raw, 22 + worker, 21 + worker + queue),
    base = base, size = size, flags = sub(raw, base + 1, base + size), dirty = false,
  }
  local at = base + size + 1
  if byte(raw, at) == 100 then b.deadlines = at end
  b.tail = at + 1 + (b.deadlines and 8 * size or 0)
  b.runs = read_runs(b)
  return b.runs and b
end

local function bundle(number)
  local b = bundles[number]
  if b == nil then
    local name = s64(number)
    b = read_bundle(number, name, call('HGET', P .. 'run', name)) or false
    bundles[number] = b
  end
  return b
end

-- The order of arrival of a job of a pack's run, as a number.
local function order_in(b, run, past)
  if run.first then return run.first + past end
  return u64(run.pack) + unpack_('>I2', b.raw, run.places + 2 * past)
end

local function is_open(b, index) return byte(b.flags, index + 1) == 49 end

local function seq_at(b, index)
  for _, run in ipairs(b.runs) do
    local past = index - run.at
    if past < run.n then
      if run.pack then return s64(order_in(b, run, past)) end
      return sub(b.raw, run.seqs + 8 * past, run.seqs + 8 * past + 7)
    end
  end
end

local function deadline_at(b, index)
  if b.moved and b.moved[index] then return b.moved[index] end
  if b.deadlines then return sub(b.raw, b.deadlines + 8 * index + 1, b.deadlines + 8 * index + 8) end
  return b.deadline
end

local function set_deadline(b, index, deadline8)
  b.moved = b.moved or {}
  b.moved[index], b.dirty = deadline8, true
end

-- Sets the flags of `n` leases from `index` on, which are all the other way.
local function set_flags(b, index, n, flag)
  b.flags = sub(b.flags, 1, index) .. string.rep(flag, n) .. sub(b.flags, index + n + 1)
  b.open = b.open + (flag == '1' and n or -n)
  b.dirty = true
end

local function close(b, index) set_flags(b, index, 1, '0') end

local function close_gathered(b)
  if not b.upto then return end
  b.flags = concat(b.gathered) .. sub(b.flags, b.upto + 1)
  b.upto, b.gathered = nil, nil
end

-- Closes `n` leases from `index` on; false when not all are open. What is closed is gathered until `close_gathered` or one that
-- lies before: all flags are one string.
local function close_run(b, index, n)
  if b.upto and index < b.upto then close_gathered(b) end
  local flags = sub(b.flags, index + 1, index + n)
  if #flags < n or string.find(flags, '0', 1, true) then return false end
  b.gathered = b.gathered or {}
  local parts = b.gathered
  parts[#parts + 1] = sub(b.flags, (b.upto or 0) + 1, index)
  parts[#parts + 1] = string.rep('0', n)
  b.upto, b.open, b.dirty = index + n, b.open - n, true
  return true
end

-- The id of the job that a lease is on; nil when it is gone.
local function id_at(b, index)
  for _, run in ipairs(b.runs) do
    local past = index - run.at
    if past < run.n and run.pack then
      local p = Pack.open(run.pack)
      local i = p and order_in(b, run, past) - p.first
      return p and i >= 0 and i < p.n and Pack.id(p, i) or nil
    elseif past < run.n then
      local rec = call('HGET', P .. 'jobs', sub(b.raw, run.seqs + 8 * past, run.seqs + 8 * past + 7))
      return sound(rec) and sub(rec, 56, 71) or nil
    end
  end
end

-- The bundle and index of the open lease that a worker shows (fence, id); nil when it is lost. A fence given outside leads
-- to the lease of an adopted job (adopt.lua).
local function lease(key)
  local fence = u64(sub(key, 1, 8))
  if fence % SPREAD == SPREAD - 1 then
    local here = call('HGET', P .. 'adopted', key)
    if not here then return nil end
    fence = u64(here)
  end
  local number = math.floor(fence / SPREAD)
  local b = bundle(number)
  local index = fence - number * SPREAD
  if not b or index >= b.size or not is_open(b, index) or id_at(b, index) ~= sub(key, 9) then return nil end
  return b, index
end

-- The lease that an adopted job was taken in under has ended: what was shown for it (fence, id) leads nowhere.
local function drop_alias(key)
  if u64(sub(key, 1, 8)) % SPREAD == SPREAD - 1 then call('HDEL', P .. 'adopted', key) end
end

-- Makes a bundle of what a claim took (claim.lua).
local function new_bundle(number, queue, worker, lot, deadline)
  local name, two = s64(number), pack('>I2', lot.n)
  call('HSET', P .. 'run', name, concat({ 'b', two, now8, s64(deadline), char(#worker), worker, char(#queue), queue, two,
    string.rep('1', lot.n), '-', concat(lot.runs) }))
  call('ZADD', P .. 'leases', deadline, name)
  call('ZADD', P .. 'held', 0, held_name(worker, name))
end

local function drop_bundle(b)
  call('HDEL', P .. 'run', b.name)
  call('ZREM', P .. 'leases', b.name)
  call('ZREM', P .. 'held', held_name(b.worker, b.name))
end

local function rewrite(b)
  local raw, deadlines = b.raw, sub(b.raw, b.base + b.size + 1, b.tail - 1)
  if b.moved then
    local all = { 'd' }
    for index = 0, b.size - 1 do all[index + 2] = deadline_at(b, index) end
    deadlines = concat(all)
  end
  call('HSET', P .. 'run', b.name, concat({ 'b', pack('>I2', b.open), sub(raw, 4, b.base), b.flags,
    deadlines, sub(raw, b.tail) }))
end

-- Writes what changed.
local function flush_bundles()
  for _, b in pairs(bundles) do
    if b and b.dirty then
      if b.open == 0 then drop_bundle(b) else rewrite(b) end
    end
  end
  bundles = {}
end
