-- What operators do.

do -- a scope of its own: Lua allows 200 local names at once

-- time, orders of arrival…: cancels waiting jobs, asks the workers of running ones to stop; how many.
API.cancel = function(keys, args)
  begin(keys, args[1])
  local n = 0
  for i = 2, #args do
    local job = load(args[i])
    if job and not is_final(job.state) then
      if job.running then
        n = n + call('HSETNX', P .. 'stop', job.seq, '1')
      else
        cancel_waiting(job, CANCELLED)
        n = n + 1
      end
    end
  end
  finish()
  return n
end

-- Gives a job that starts anew its key again. False when another job holds it.
local function retake_key(job)
  local found = extras(job)
  if not found.key then return true end
  local name = key_name(job, found)
  local held = holder(name)
  if held and held.seq ~= job.seq then return false end
  if not (found.scope == 'F' and u64(job.enqueued) + found.span <= now) then
    call('HSET', P .. 'keys', name, job.seq)
  end
  return true
end

local function run_again(job, edit, due)
  unshelve(SHELVES[job.state], weight(job))
  count(job.queue, job.state, -1)
  local was = job.state
  clear_error(job)
  job.due = s64(due)
  job.state = due <= now and 'A' or 'S'
  job.errors, job.crashes, job.started, job.finished = 0, 0, NONE8, NONE8
  local found = extras(job)
  found.expires = nil
  set_extras(job, found)
  if edit.prio ~= '' then job.prio = edit.prio end
  if edit.queue ~= '' then job.queue = edit.queue end
  if edit.payload ~= '' then job.payload = sub(edit.payload, 2) end
  enter(job)
  save(job)
  stirred = true
  if found.group and group_exists(found.group) then
    call('HINCRBY', group_key(found.group), ENDED[was], -1)
    call('HINCRBY', group_key(found.group), 'pending', 1)
  end
end

-- time, most jobs, jobs replayed before, per second or '', priority or '', queue or '', payload after one byte or '', orders
-- of arrival…: how many run again.
API.replay = function(keys, args)
  begin(keys, args[1])
  local limit, before_, rate = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local edit, n = { prio = args[5], queue = args[6], payload = args[7] }, 0
  for i = 8, #args do
    if n == limit then break end
    local job = load(args[i])
    if job and is_final(job.state) and job.state ~= 'C' and retake_key(job) then
      local due = now
      if rate then due = now + math.floor((before_ + n) * 1000 / math.max(rate, 1)) end
      run_again(job, edit, due)
      n = n + 1
    end
  end
  finish()
  return n
end

-- time, queue, '1' to pause or '0' to resume.
API.pause = function(keys, args)
  begin(keys, args[1])
  if args[3] == '1' or call('HEXISTS', P .. 'queues', args[2]) == 1 then
    call('HSET', P .. 'queues', args[2], args[3])
    stirred = args[3] == '0'
  end
  finish()
  return 'ok'
end

-- Counts the running jobs of each key of a queue, which nobody did before.
local function count_running(queue)
  local names, of, set = call('HKEYS', P .. 'run'), {}, {}
  for k = 1, #names do
    local b = bundle(u64(names[k]))
    for index = 0, b and b.queue == queue and b.size - 1 or -1 do
      local job = is_open(b, index) and load(seq_at(b, index))
      local share = job and share_of(job) or ''
      if share ~= '' then of[share] = (of[share] or 0) + 1 end
    end
  end
  bundles = {}
  for share, n in pairs(of) do set[#set + 1], set[#set + 2] = share, digits(n) end
  bulk('HSET', queue_key(queue, 'running'), set)
end

-- time, queue, running (4 bytes), jobs (4) and microseconds (8) of the rate; all zero lifts the limits.
API.limit = function(keys, args)
  begin(keys, args[1])
  local queue, limits = args[2], args[3]
  local none = u64(sub(limits, 1, 8)) == 0
  local old = call('HGET', P .. 'limits', queue) or string.rep('\0', 16)
  if (not none or call('HEXISTS', P .. 'queues', queue) == 1) and old ~= limits then
    know(queue)
    if none then call('HDEL', P .. 'limits', queue) else call('HSET', P .. 'limits', queue, limits) end
    local at_once, before_ = u64('\0\0\0\0' .. sub(limits, 1, 4)), u64('\0\0\0\0' .. sub(old, 1, 4))
    if at_once == 0 then call('DEL', queue_key(queue, 'running')) elseif before_ == 0 then count_running(queue) end
    if sub(old, 5) ~= sub(limits, 5) then call('DEL', queue_key(queue, 'tat'), queue_key(queue, 'idle')) end
    stirred = true
  end
  finish()
  return 'ok'
end

-- ---- retention

local function oldest_done()
  local c, x = first_of('c'), first_of('x')
  if c and #c.jobs == 0 then put_back(c); return oldest_done() end
  if x and #x.jobs == 0 then put_back(x); return oldest_done() end
  if not c or (x and (x.at < c.at or (x.at == c.at and x.jobs[1].order < c.jobs[1].order))) then return x, c end
  return c, x
end

local function oldest_dead()
  local d = first_of('d')
  if d and #d.jobs == 0 then put_back(d); return oldest_dead() end
  return d
end

-- Forgets a job that first_of found.
local function forget(one)
  local p, i = one.pack, one.index
  if p then
    local bytes = Pack.bytes(p, i + 1) - Pack.bytes(p, i)
    Pack.drop(p, i, 1)
    unshelve('c', bytes)
    count(Pack.queue(p), 'C', -1)
    if not p.ascends then call('HDEL', P .. 'ids', Pack.id(p, i)) end
    return bytes
  end
  local job = parse(one.seq, one.rec)
  release_key(job, function() return true end)
  call('HDEL', P .. 'jobs', job.seq)
  local bytes = weight(job)
  unshelve(SHELVES[job.state], bytes)
  count(job.queue, job.state, -1)
  clear_error(job)
  call('HDEL', P .. 'ids', job.id)
  if has(job.flags, GROUP) then
    local group = extras(job).group
    if group_exists(group) then mind_pruning(group, call('HINCRBY', group_key(group), 'rows', -1)) end
  end
  return bytes
end

local function total(field) return tonumber(call('HGET', P .. 'meta', field) or '0') + (meta[field] or 0) end

-- Whether the oldest of a shelf is beyond its age, or the shelf beyond its bytes.
local function beyond(first, name, limits)
  if not first then return false end
  local bytes = total(name .. '_bytes') + total(name .. '_jobs') * limits.overhead
  return bytes > limits[name .. '_bytes'] or now - first.at > limits[name .. '_age']
end

-- Prunes one shelf while it is beyond its limits; how many jobs, their bytes.
local function prune_shelf(oldest, name, limits, limit)
  local jobs, bytes = 0, 0
  while jobs < limit do
    local first, other = oldest()
    if not beyond(first, name, limits) then break end
    repeat
      local one = first.jobs[first.next]
      first.next = first.next + 1
      bytes = bytes + forget(one)
      jobs = jobs + 1
      one = first.jobs[first.next]
      local turn = one and other and other.at == first.at and other.jobs[1].order < one.order
    until not one or turn or jobs == limit or not beyond(first, name, limits)
    put_back(first)
    for _, p in pairs(opened) do
      if p and p.dropped then Pack.flush(p) end
    end
  end
  return jobs, bytes
end

local function prune_groups(age, limit)
  local n = 0
  local ids = call('ZRANGEBYSCORE', P .. 'groups:done', '-inf', '(' .. string.format('%.0f', now - age), 'LIMIT', 0, limit)
  for i = 1, #ids do
    call('DEL', group_key(ids[i]))
    call('ZREM', P .. 'groups', ids[i])
    call('ZREM', P .. 'groups:done', ids[i])
    n = n + 1
  end
  return n
end

-- time, limit, bytes a job costs beside its payload, then age in ms and bytes of the done, and of the dead: jobs, bytes,
-- whether there is more.
API.prune = function(keys, args)
  begin(keys, args[1])
  local limit = tonumber(args[2])
  local limits = { overhead = tonumber(args[3]), done_age = tonumber(args[4]), done_bytes = tonumber(args[5]),
    dead_age = tonumber(args[6]), dead_bytes = tonumber(args[7]) }
  local jobs, bytes = prune_shelf(oldest_done, 'done', limits, limit)
  local dead, dead_bytes = prune_shelf(oldest_dead, 'dead', limits, limit - jobs)
  jobs, bytes = jobs + dead, bytes + dead_bytes
  local pieces = jobs
  if pieces < limit then pieces = pieces + prune_groups(limits.done_age, limit - pieces) end
  local more = pieces == limit and (beyond(oldest_done(), 'done', limits) or beyond(oldest_dead(), 'dead', limits))
  finish()
  return { jobs, string.format('%.0f', bytes), more and 1 or 0 }
end

-- time: removes everything under the prefix, piece by piece; 1 when there is more.
API.erase = function(keys, args)
  begin(keys, args[1])
  local groups = call('ZRANGE', P .. 'groups', 0, PIECE - 1)
  for _, id in ipairs(groups) do
    call('UNLINK', group_key(id))
    call('ZREM', P .. 'groups', id)
  end
  local packs = call('ZRANGE', P .. 'spans', 0, PIECE - 1)
  for _, name in ipairs(packs) do
    call('UNLINK', Pack.body(name))
    call('ZREM', P .. 'spans', name)
  end
  if #groups > 0 or #packs > 0 then return 1 end
  local queues = call('HKEYS', P .. 'queues')
  for i = 1, math.min(#queues, 50) do
    for prio = 0, 3 do
      local shares = call('HRANDFIELD', queue_key(queues[i], 'h' .. prio), PIECE)
      Fresh.forget(queues[i], prio, shares)
      if #shares == PIECE then return 1 end
      for _, what in ipairs({ 'f', 'h', 'z', 'n', 'k', 't' }) do call('UNLINK', queue_key(queues[i], what .. prio)) end
    end
    for _, what in ipairs({ 'due', 'exp', 'count', 'running', 'tat', 'idle' }) do
      call('UNLINK', queue_key(queues[i], what))
    end
    call('HDEL', P .. 'queues', queues[i])
  end
  if #queues > 50 then return 1 end
  for _, name in ipairs({ 'meta', 'jobs', 'ids', 'ranges', 'run', 'leases', 'held', 'workers', 'presence', 'queues', 'keys',
    'adopted', 'further', 'stop', 'errors', 'groups', 'groups:done', 'roles', 'cron', 'last', 'turns', 'limits',
    'damaged', 'freed',
    'packs', 'spans', 'gone', 'ran', 'fin:c', 'fin:x', 'fin:d' }) do
    call('UNLINK', P .. name)
  end
  return 0
end

end
