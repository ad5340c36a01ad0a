-- How a job is stored and how it ends: unique keys, kept requests, groups. The rules are those of life.rs.

local store, expire, end_groups                     -- each needs the others

-- ---- unique keys: which job holds which key, by kind and key

local function key_name(job, found) return char(#job.kind) .. job.kind .. found.key end

local function release_key(job, over)
  if not has(job.flags, UNIQUE) then return end
  local found = extras(job)
  if not over(found.scope) then return end
  local name = key_name(job, found)
  if call('HGET', P .. 'keys', name) == job.seq then call('HDEL', P .. 'keys', name) end
end

-- The holder of a key whose hold is not over. Cancels an expired holder: it can no longer stand for anything.
local function holder(name)
  while true do
    local seq = call('HGET', P .. 'keys', name)
    if not seq then return nil end
    local job = load(seq)
    if not job then
      call('HDEL', P .. 'keys', name)
      return nil
    end
    local found = extras(job)
    local expires = not job.running and may_expire(job)
    if found.scope == 'F' and u64(job.enqueued) + found.span <= now then
      call('HDEL', P .. 'keys', name)
      return nil
    elseif expires and u64(expires) <= now then
      expire(job)
    else
      return job
    end
  end
end

-- ---- groups: a hash each; listed by order of opening, done ones without jobs by when they were done

local function group_key(id) return P .. 'g:' .. id end
local function group_exists(id) return call('EXISTS', group_key(id)) == 1 end

-- A group may be pruned while it is done and no job of it is stored.
local function mind_pruning(id, rows)
  local done = call('HGET', group_key(id), 'done')
  if not done then return end
  if rows == 0 then
    call('ZADD', P .. 'groups:done', u64(done), id)
  else
    call('ZREM', P .. 'groups:done', id)
  end
end

local function add_member(id)
  local key = group_key(id)
  call('HINCRBY', key, 'total', 1)
  call('HINCRBY', key, 'pending', 1)
  mind_pruning(id, call('HINCRBY', key, 'rows', 1))
end

local ENDED = { C = 'completed', X = 'cancelled', D = 'failed', Q = 'failed' }

local function end_member(id, state)
  local key = group_key(id)
  if call('EXISTS', key) == 0 then return end
  call('HINCRBY', key, 'pending', -1)
  call('HINCRBY', key, ENDED[state], 1)
  end_groups(id)
end

-- Adds to a counter of a group; sums beyond 64 bits stay at the limit.
local function tally(id, name, amount)
  local field = 'k:' .. name
  local done = redis.pcall('HINCRBY', group_key(id), field, amount)
  if type(done) == 'table' and done.err then
    local limit = sub(amount, 1, 1) == '-' and '-9223372036854775808' or '9223372036854775807'
    call('HSET', group_key(id), field, limit)
  end
end

-- Ends a group if nothing is left of it, then those that waited for it. The follow-up joins the parent before the parent
-- can end.
end_groups = function(id)
  while id do
    local key = group_key(id)
    local group = call('HMGET', key, 'sealed', 'pending', 'children', 'done', 'follow', 'parent', 'rows')
    if not group[1] or group[4] or group[1] ~= '1' or tonumber(group[2]) > 0 or tonumber(group[3]) > 0 then return end
    call('HSET', key, 'done', now8)
    mind_pruning(id, tonumber(group[7]))
    if group[5] then
      call('HDEL', key, 'follow')
      store(group[5])
    end
    id = group[6]
    if id then call('HINCRBY', group_key(id), 'children', -1) end
  end
end

-- ---- storing

local function next_seq(n)
  local last = call('HINCRBY', P .. 'meta', 'seq', n)
  return last - n + 1
end

-- The record of a request: stored now, not started, in `state` and `place`.
local function settled_in(request, state, place, due)
  return 'j' .. state .. place .. sub(request, 4, 15) .. now8 .. due .. NONE8 .. NONE8 .. NONE8 .. sub(request, 56)
end

local function due_of(request)
  local due = sub(request, 24, 31)
  if due == NONE8 or u64(due) <= now then return now8, 'A' end
  return due, 'S'
end

-- Stores a request that no other job stands for. A kept request may outlive its group: then it joins none.
local function store_new(request, found)
  local due, state = due_of(request)
  local seq = s64(next_seq(1))
  local job = parse(seq, settled_in(request, state, '-', due))
  if found.group and not group_exists(found.group) then
    found.group = nil
    set_extras(job, found)
  end
  local share, token = found.fair or '', due .. seq
  if state == 'A' and Fresh.append(job.queue, job.prio, { [share] = { token } }, token, token) then
    know(job.queue)
    count(job.queue, 'A', 1)
    mark(job.queue, job.prio, share, 1)
    local expires = may_expire(job)
    if expires then call('ZADD', queue_key(job.queue, 'exp'), u64(expires), seq) end
    job.place = 'L'
  else
    enter(job)
  end
  save(job)
  call('HSET', P .. 'ids', job.id, seq)
  Ids.note(job.id)
  if found.group then add_member(found.group) end
  stirred = true
  return seq
end

-- The waiting holder carries the request from now on.
local function replace(held, request, found)
  withdraw(held)
  local asked = parse('', request)
  if asked.due == NONE8 then
    if u64(held.due) > now then held.due = now8 end
  else
    held.due = u64(asked.due) > now and asked.due or now8
  end
  held.state = u64(held.due) <= now and 'A' or 'S'
  held.payload, held.version, held.prio = asked.payload, asked.version, asked.prio
  held.started = NONE8
  local own = extras(held)
  own.expires = found.expires
  set_extras(held, own)
  enter(held)
  save(held)
  stirred = true
end

-- Stores a request or lets another job stand for it: a code and the id of the job that stands.
store = function(request)
  local id = sub(request, 56, 71)
  if Ids.is_known(id) then return 'e', id end
  local asked = parse('', request)
  local found = extras(asked)
  if not found.key then
    store_new(request, found)
    return 'n', id
  end
  local name = key_name(asked, found)
  local held = holder(name)
  if not held then
    call('HSET', P .. 'keys', name, store_new(request, found))
    return 'n', id
  end
  local conflict = sub(request, 1, 1)
  if conflict == 'r' and not held.running and waits(held) then
    replace(held, request, found)
    return 'r', held.id
  elseif conflict == 'o' and held.running then
    call('HSET', P .. 'further', held.seq, request)
    return 'o', held.id
  end
  return 'i', held.id
end

-- ---- leaving

-- Puts a job that runs, or waits and was withdrawn, into `state`. `requests` are stored on the way: after the job
-- gave up its key, before its group counts it as ended.
local function leave(job, state, requests)
  job.state, job.running = state, nil
  call('HDEL', P .. 'stop', job.seq)
  if not is_final(state) then
    enter(job)
    save(job)
    stirred = true
    for i = 1, #requests do store(requests[i]) end
    return
  end
  local further = call('HGET', P .. 'further', job.seq)
  if further then call('HDEL', P .. 'further', job.seq) end
  finish_job(job)
  save(job)
  release_key(job, function(scope) return further or scope ~= 'F' end)
  for i = 1, #requests do store(requests[i]) end
  if further then store(further) end
  if has(job.flags, GROUP) then end_member(extras(job).group, state) end
end

local CANCELLED, EXPIRED = 'cancelled on request', 'expired before it started'

local function cancel_waiting(job, reason)
  withdraw(job)
  set_error(job, reason)
  leave(job, 'X', {})
end

expire = function(job) cancel_waiting(job, EXPIRED) end
