-- Fair shares: whose turn it is in one priority of one queue (the rule of order/fair.rs), and what a key may have (the
-- rule of limits/).
--
-- The hash `k` counts the available jobs of each share, and `running` the others while their number is limited; jobs without a key form the share ''. Turns are only kept
-- while there are keys: a sorted set `t` of shares by turn, and the last turn served. Alone, the share '' always has
-- the turn after the last one, so nothing is lost by not writing it down.

local function share_of(job) return has(job.flags, FAIR) and extras(job).fair or '' end

-- What is known of a band in this call.
local function band(queue, prio)
  local name = prio .. queue
  local b = bands[name]
  if not b then
    b = { queue = queue, prio = prio, k = queue_key(queue, 'k' .. prio), t = queue_key(queue, 't' .. prio),
      last = prio .. queue, shares = {} }
    b.keyed = call('EXISTS', b.t) == 1
    bands[name] = b
  end
  return b
end

local function last_turn(b)
  if not b.served then b.served = tonumber(call('HGET', P .. 'turns', b.last) or '0') end
  return b.served
end

-- What is known of shares in this call, each: change of its count, what is stored of it, whether it has a turn.
local function meet(b, shares)
  local new = {}
  for k = 1, #shares do
    if not b.shares[shares[k]] then new[#new + 1] = shares[k] end
  end
  local stored = fields(b.k, new)
  for k = 1, #new do
    local was = stored[k] and (new[k] ~= '' or b.keyed)
    b.shares[new[k]] = { change = 0, stored = tonumber(stored[k] or '0'), was = was }
  end
end

-- A share that becomes active takes its turn after the last one served.
local function join(b, share)
  if not b.keyed then
    if share == '' then return end
    b.keyed, b.served = true, 0
    call('HDEL', P .. 'turns', b.last)
    meet(b, { '' })
    local own = b.shares['']
    if own.stored + own.change > 0 then
      call('ZADD', b.t, 1, '')
      own.was = true
    end
  end
  call('ZADD', b.t, last_turn(b) + 1, share)
end

-- `n` more available jobs of a share, or less.
local function mark(queue, prio, share, n)
  local b = band(queue, prio)
  if not b.shares[share] then meet(b, { share }) end
  local s = b.shares[share]
  if n > 0 and not s.was then
    if share ~= '' or b.keyed then join(b, share) end
    s.was = share ~= '' or b.keyed
  end
  s.change = s.change + n
end

-- Writes the counts; forgets the shares that this call left without a job.
local function finish_band(b)
  local set, lost = {}, {}
  for share, s in pairs(b.shares) do
    local left = s.stored + s.change
    if left <= 0 then
      lost[#lost + 1] = share
    elseif s.change ~= 0 then
      set[#set + 1], set[#set + 2] = share, digits(left)
    end
  end
  bulk('HSET', b.k, set)
  bulk('HDEL', b.k, lost)
  if not b.keyed then return end
  bulk('ZREM', b.t, lost)
  for k = #lost, 1, -1 do
    if lost[k] == '' then table.remove(lost, k) end
  end
  Fresh.forget(b.queue, b.prio, lost)
  if b.served then call('HSET', P .. 'turns', b.last, string.format('%.0f', b.served)) end
  local alone = call('ZRANGE', b.t, 0, 1)
  if #alone == 0 or (#alone == 1 and alone[1] == '' and tonumber(call('ZSCORE', b.t, '')) == last_turn(b) + 1) then
    call('DEL', b.t)
    call('HDEL', P .. 'turns', b.last)
  end
end

finish_bands = function()
  for _, b in pairs(bands) do finish_band(b) end
  bands = {}
end

-- ---- limits of a queue: running, jobs and microseconds of the rate, each zero for none

local function gate(queue)
  local g = gates[queue]
  if g == nil then
    local text = call('HGET', P .. 'limits', queue)
    g = false
    if text then
      local running, jobs, per = unpack_('>I4I4I8', text)
      g = { running = running, jobs = jobs, queue = queue, opens = nil,
        interval = jobs > 0 and math.ceil(per / jobs) or 0 }
    end
    gates[queue] = g
  end
  return g
end

-- Whether the running jobs of each key are counted: only while their number is limited.
local function counts_running(queue)
  local g = gate(queue)
  return g and g.running > 0
end

-- Jobs of a key start (n) or have left their worker (-n).
local function hold_share(queue, share, n)
  if share == '' or not counts_running(queue) then return end
  local of = held[queue]
  if not of then of = {}; held[queue] = of end
  of[share] = (of[share] or 0) + n
  if n < 0 then stirred = true end
end

finish_held = function()
  for queue, of in pairs(held) do
    local key, shares, set, lost = queue_key(queue, 'running'), {}, {}, {}
    for share, n in pairs(of) do
      if n ~= 0 then shares[#shares + 1] = share end
    end
    local stored = fields(key, shares)
    for k = 1, #shares do
      local left = tonumber(stored[k] or '0') + of[shares[k]]
      if left > 0 then
        set[#set + 1], set[#set + 2] = shares[k], digits(left)
      else
        lost[#lost + 1] = shares[k]
      end
    end
    bulk('HSET', key, set)
    bulk('HDEL', key, lost)
  end
  held, gates = {}, {}
end

-- Whether a key may have another job now; remembers when the first one that only its rate holds back may.
local function may_start(g, share)
  if share == '' then return true end
  if g.running > 0 then
    local n = tonumber(call('HGET', queue_key(g.queue, 'running'), share) or '0')
    n = n + (held[g.queue] and held[g.queue][share] or 0)
    if n >= g.running then return false end
  end
  if g.jobs == 0 then return true end
  local tat = tonumber(call('HGET', queue_key(g.queue, 'tat'), share) or '0')
  local free = math.ceil((tat - g.interval * (g.jobs - 1)) / 1000)
  if free <= now then return true end
  if not g.opens or free < g.opens then g.opens = free end
  return false
end

-- Counts a job that starts against the rate of its key; the state is dropped when it no longer matters.
local function count_start(g, share)
  if g.jobs == 0 or share == '' then return end
  local key = queue_key(g.queue, 'tat')
  local tat = math.max(tonumber(call('HGET', key, share) or '0'), now * 1000) + g.interval
  call('HSET', key, share, string.format('%.0f', tat))
  call('ZADD', queue_key(g.queue, 'idle'), tat, share)
end

-- Drops the state of keys that are idle.
local function forget_idle(g)
  if g.jobs == 0 then return end
  local idle = call('ZRANGEBYSCORE', queue_key(g.queue, 'idle'), '-inf', string.format('%.0f', now * 1000),
    'LIMIT', 0, PIECE)
  if #idle == 0 then return end
  call('HDEL', queue_key(g.queue, 'tat'), unpack(idle))
  call('ZREM', queue_key(g.queue, 'idle'), unpack(idle))
end
