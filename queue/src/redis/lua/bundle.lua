-- Leases. The jobs of one claim form a bundle: one field of the hash `run`, one entry in the set of deadlines, one in the
-- set of what each worker holds. The fence of a job is its bundle's number times 512 plus its index in the bundle.
--
--    1 'b'   2–3 open leases   4–11 started at   length, worker   length, queue   flags, one a lease: '1' open or '0'
--    then 16 bytes a lease: order of arrival, deadline
--
-- The set of deadlines holds a lower bound for each bundle, so that a renewal costs nothing there.

local SPREAD = 512

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
    base = 13 + worker + queue, moved = {}, dirty = false,
  }
  b.size = (#raw - b.base) / 17
  b.flags = sub(raw, b.base + 1, b.base + b.size)
  b.entries = b.base + b.size
  bundles[number] = b
  return b
end

local function is_open(b, index) return byte(b.flags, index + 1) == 49 end

local function seq_at(b, index) return sub(b.raw, b.entries + index * 16 + 1, b.entries + index * 16 + 8) end

local function deadline_at(b, index)
  return b.moved[index] or sub(b.raw, b.entries + index * 16 + 9, b.entries + index * 16 + 16)
end

local function set_deadline(b, index, deadline8)
  b.moved[index], b.dirty = deadline8, true
end

-- Sets the flags of `n` leases from `index` on, which are all the other way.
local function set_flags(b, index, n, flag)
  b.flags = sub(b.flags, 1, index) .. string.rep(flag, n) .. sub(b.flags, index + n + 1)
  b.open = b.open + (flag == '1' and n or -n)
  b.dirty = true
end

local function close(b, index) set_flags(b, index, 1, '0') end

-- The bundle, index and order of arrival of an open lease, or nil.
local function lease(fence8)
  local fence = u64(fence8)
  local number = math.floor(fence / SPREAD)
  local b = bundle(number)
  local index = fence - number * SPREAD
  if not b or index >= b.size or not is_open(b, index) then return nil end
  return b, index, seq_at(b, index)
end

local function new_bundle(number, queue, worker, seqs, deadline)
  local deadline8, entries = s64(deadline), {}
  for i = 1, #seqs do entries[i] = seqs[i] .. deadline8 end
  local head = 'b' .. pack('>I2', #seqs) .. now8 .. char(#worker) .. worker .. char(#queue) .. queue
  local name = s64(number)
  call('HSET', P .. 'run', name, head .. string.rep('1', #seqs) .. concat(entries))
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
  for index in pairs(b.moved) do at[#at + 1] = index end
  table.sort(at)
  local parts, from = { 'b', pack('>I2', b.open), sub(b.raw, 4, b.base), b.flags }, b.entries + 1
  for i = 1, #at do
    local first = b.entries + at[i] * 16 + 8
    parts[#parts + 1] = sub(b.raw, from, first)
    parts[#parts + 1] = b.moved[at[i]]
    from = first + 9
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
