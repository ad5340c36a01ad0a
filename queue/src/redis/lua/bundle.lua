-- Leases. The jobs of one claim form a bundle: one field of the hash `run`, one entry in the set of deadlines, one in the
-- set of what each worker holds. The fence of a job is its bundle's number times 512 plus its index in the bundle.
--
--    1 'b'   2–3 open leases   4–11 started at   length, worker   length, queue   entries: open '1' or '0',
--    order of arrival (8), deadline (8)
--
-- The set of deadlines holds a lower bound for each bundle, so that a renewal costs nothing there.

local WIDTH, SPREAD = 17, 512

local function held_name(worker, name) return char(#worker) .. worker .. name end

local function bundle(number)
  local b = bundles[number]
  if b ~= nil then return b end
  local name = s64(number)
  local raw = call('HGET', P .. 'run', name)
  if not raw or byte(raw, 1) ~= 98 then
    bundles[number] = false
    return false
  end
  local worker = byte(raw, 12)
  local queue = byte(raw, 13 + worker)
  b = {
    name = name, number = number, raw = raw, open = unpack_('>I2', sub(raw, 2, 3)), started = sub(raw, 4, 11),
    worker = sub(raw, 13, 12 + worker), queue = sub(raw, 14 + worker, 13 + worker + queue),
    base = 13 + worker + queue, changed = {}, dirty = false,
  }
  b.size = (#raw - b.base) / WIDTH
  bundles[number] = b
  return b
end

local function entry(b, index)
  local at = b.base + index * WIDTH
  return b.changed[index] or sub(b.raw, at + 1, at + WIDTH)
end

local function set_entry(b, index, text)
  b.changed[index], b.dirty = text, true
end

local function close(b, index)
  set_entry(b, index, '0' .. sub(entry(b, index), 2))
  b.open = b.open - 1
end

local function reopen(b, index)
  set_entry(b, index, '1' .. sub(entry(b, index), 2))
  b.open = b.open + 1
end

-- The bundle, index and order of arrival of an open lease, or nil.
local function lease(fence8)
  local fence = u64(fence8)
  local number = math.floor(fence / SPREAD)
  local b = bundle(number)
  local index = fence - number * SPREAD
  if not b or index >= b.size then return nil end
  local text = entry(b, index)
  if byte(text, 1) ~= 49 then return nil end
  return b, index, sub(text, 2, 9)
end

local function new_bundle(number, queue, worker, seqs, deadline)
  local deadline8, entries = s64(deadline), {}
  for i = 1, #seqs do entries[i] = '1' .. seqs[i] .. deadline8 end
  local head = 'b' .. pack('>I2', #seqs) .. now8 .. char(#worker) .. worker .. char(#queue) .. queue
  local name = s64(number)
  call('HSET', P .. 'run', name, head .. concat(entries))
  call('ZADD', P .. 'leases', deadline, name)
  call('ZADD', P .. 'held', 0, held_name(worker, name))
end

local function drop_bundle(b)
  call('HDEL', P .. 'run', b.name)
  call('ZREM', P .. 'leases', b.name)
  call('ZREM', P .. 'held', held_name(b.worker, b.name))
end

local function rewrite(b)
  local at = {}
  for index in pairs(b.changed) do at[#at + 1] = index end
  table.sort(at)
  local parts, from = { 'b', pack('>I2', b.open) }, 4
  for i = 1, #at do
    local first = b.base + at[i] * WIDTH
    parts[#parts + 1] = sub(b.raw, from, first)
    parts[#parts + 1] = b.changed[at[i]]
    from = first + WIDTH + 1
  end
  parts[#parts + 1] = sub(b.raw, from)
  call('HSET', P .. 'run', b.name, concat(parts))
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
