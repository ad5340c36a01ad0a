-- Workers: life ('A' alive, 'D' found dead, 'G' checked out), started, seen and patience (8 each), pid (8), host.

do -- a scope of its own: Lua allows 200 local names at once

local function silent(worker)
  return u64(sub(worker, 10, 17)) + u64(sub(worker, 18, 25)) <= now
end

-- time, id, patience in ms, pid, host, presence (client id and name): introduces a worker or says that it lives.
API.check_in = function(keys, args)
  begin(keys, args[1])
  local known_ = call('HGET', P .. 'workers', args[2])
  local started = known_ and byte(known_, 1) == 65 and sub(known_, 2, 9) or now8
  call('HSET', P .. 'workers', args[2],
    concat({ 'A', started, now8, s64(tonumber(args[3])), s64(tonumber(args[4])), args[5] }))
  call('HSET', P .. 'presence', args[2], args[6])
  return 'ok'
end

API.check_out = function(keys, args)
  begin(keys, args[1])
  local worker = call('HGET', P .. 'workers', args[2])
  if worker and byte(worker, 1) ~= 68 then call('HSET', P .. 'workers', args[2], 'G' .. sub(worker, 2)) end
  return 'ok'
end

-- Numbers of the bundles a worker holds.
local function held_by(worker)
  local prefix = held_name(worker, '')
  local members, numbers = call('ZRANGEBYLEX', P .. 'held', '[' .. prefix, '(' .. prefix .. '\255'), {}
  for i = 1, #members do numbers[i] = u64(sub(members[i], -8)) end
  return numbers
end

-- time: id, started, seen, pid, host and running of each worker that lives, by turns.
API.workers = function(keys, args)
  begin(keys, args[1])
  local all, answer = call('HGETALL', P .. 'workers'), {}
  for i = 1, #all, 2 do
    local worker, running = all[i + 1], 0
    if byte(worker, 1) == 65 then
      for _, number in ipairs(held_by(all[i])) do
        local b = bundle(number)
        if b then running = running + b.open end
      end
      local n = #answer
      answer[n + 1], answer[n + 2], answer[n + 3] = all[i], sub(worker, 2, 9), sub(worker, 10, 17)
      answer[n + 4], answer[n + 5], answer[n + 6] = sub(worker, 26, 33), sub(worker, 34), running
    end
  end
  bundles = {}
  return answer
end

-- ---- rescue

-- Marks as dead who ran out of patience or whose connection is gone (`severed`: id and the presence that is gone).
local function find_dead(severed)
  local dead, gone, all = {}, {}, call('HGETALL', P .. 'workers')
  for i = 1, #all, 2 do
    local id, worker = all[i], all[i + 1]
    if byte(worker, 1) == 65 then
      local presence = severed[id]
      if silent(worker) or (presence and call('HGET', P .. 'presence', id) == presence) then
        call('HSET', P .. 'workers', id, 'D' .. sub(worker, 2))
        dead[#dead + 1] = id
        gone[id] = 'D'
      end
    else
      gone[id] = sub(worker, 1, 1)
    end
  end
  return dead, gone
end

-- Open leases of a bundle that `wanted` says are lost, up to `limit` in all.
local function gather(lost, b, limit, wanted)
  if not b then return end
  for index = 0, b.size - 1 do
    if #lost >= limit then return end
    if is_open(b, index) and wanted(u64(deadline_at(b, index))) then
      lost[#lost + 1] = { b = b, index = index, seq = seq_at(b, index), order = u64(seq_at(b, index)) }
    end
  end
end

local function lost_leases(gone, limit)
  local lost = {}
  for id in pairs(gone) do
    for _, number in ipairs(held_by(id)) do
      if #lost >= limit then break end
      gather(lost, bundle(number), limit, function() return true end)
    end
  end
  local ended = call('ZRANGEBYSCORE', P .. 'leases', '-inf', now, 'LIMIT', 0, 256)
  for i = 1, #ended do
    if #lost >= limit then break end
    local b = bundle(u64(ended[i]))
    if not b then
      call('ZREM', P .. 'leases', ended[i])
    elseif not gone[b.worker] then
      gather(lost, b, limit, function(deadline) return deadline <= now end)
      local bound
      for index = 0, b.size - 1 do
        local deadline = u64(deadline_at(b, index))
        if is_open(b, index) and deadline > now and (not bound or deadline < bound) then bound = deadline end
      end
      if bound and #lost < limit then call('ZADD', P .. 'leases', bound, ended[i]) end
    end
  end
  table.sort(lost, function(a, b) return a.order < b.order end)
  return lost
end

-- One job back: its state from now on.
local function take_back(one, goodbye, max_crashes)
  local b = one.b
  local fence = b.number * SPREAD + one.index
  local job = load(one.seq)
  close(b, one.index)
  if not job then return nil end
  drop_alias(job.fence .. job.id)
  job.fence, job.started = s64(fence), b.started
  count(job.queue, 'R', -1)
  hold_share(job.queue, share_of(job), -1)
  local state = 'A'
  if not goodbye then
    job.crashes = job.crashes + 1
    if job.crashes >= max_crashes then state = 'Q' end
  end
  if state == 'A' and call('HEXISTS', P .. 'stop', one.seq) == 1 then
    state = 'X'
    set_error(job, CANCELLED)
  elseif state == 'Q' then
    set_error(job, 'its worker died or lost it ' .. string.format('%d', job.crashes) .. ' times')
  end
  leave(job, state, {})
  return state, job.id
end

-- time, crashes allowed, limit, then severed workers and their presence in turns: ids available, ids quarantined, dead.
API.rescue = function(keys, args)
  begin(keys, args[1])
  local severed = {}
  for i = 4, #args, 2 do severed[args[i]] = args[i + 1] end
  local dead, gone = find_dead(severed)
  local available, quarantined = {}, {}
  for _, one in ipairs(lost_leases(gone, tonumber(args[3]))) do
    local state, id = take_back(one, gone[one.b.worker] == 'G', tonumber(args[2]))
    if state == 'A' then available[#available + 1] = id end
    if state == 'Q' then quarantined[#quarantined + 1] = id end
  end
  flush_bundles()
  for id in pairs(gone) do
    if #held_by(id) == 0 then
      call('HDEL', P .. 'workers', id)
      call('HDEL', P .. 'presence', id)
    end
  end
  finish()
  return { available, quarantined, dead }
end

-- ---- leadership: leader until (8), fence (8), who

-- time, role, who, time to live in ms: 'l' and the token, or 'f', the leader and until when.
API.lead = function(keys, args)
  begin(keys, args[1])
  local role = call('HGET', P .. 'roles', args[2])
  local until_, fence, who = 0, 0, ''
  if role then until_, fence, who = u64(sub(role, 1, 8)), u64(sub(role, 9, 16)), sub(role, 17) end
  if until_ > now and who ~= args[3] then return { 'f', who, string.format('%.0f', until_) } end
  if until_ <= now or who ~= args[3] then fence = fence + 1 end
  call('HSET', P .. 'roles', args[2], s64(now + tonumber(args[4])) .. s64(fence) .. args[3])
  return { 'l', string.format('%.0f', fence) }
end

API.resign = function(keys, args)
  begin(keys, args[1])
  local role = call('HGET', P .. 'roles', args[2])
  if role and sub(role, 17) == args[3] then
    call('HSET', P .. 'roles', args[2], NONE8 .. sub(role, 9, 16))
  end
  return 'ok'
end

end
