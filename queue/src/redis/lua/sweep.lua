-- The other direction: entries of indexes that lead nowhere. And counters, which are compared while nothing moves.

do -- a scope of its own: Lua allows 200 local names at once

local function each(key, command, cursor, visit)
  local answer = call(command, key, cursor, 'COUNT', PIECE)
  local all = answer[2]
  for i = 1, #all, 2 do visit(all[i], all[i + 1]) end
  return answer[1]
end

-- Ids that lead to no job: a producer would be told that its job is there.
Check.ids = function(cursor)
  return each(P .. 'ids', 'HSCAN', cursor, function(id, seq)
    local job = #seq == 8 and load(Pack.seq_of(id, seq))
    if job and job.id == id then return end
    local name = #id == 16 and uuid(id) or hex(id)
    flaw('i', name, 'is a known id, but there is no such job', function() call('HDEL', P .. 'ids', id) end)
  end)
end

-- Unique keys whose holder is gone or has no right to them any more.
Check.keys = function(cursor)
  return each(P .. 'keys', 'HSCAN', cursor, function(name, seq)
    local job = load(seq)
    if job and has(job.flags, UNIQUE) then
      local found = extras(job)
      if key_name(job, found) == name and may_hold(job, found) then return end
    end
    local kind = byte(name, 1) or 0
    local told = '"' .. sub(name, 2 + kind) .. '" of ' .. sub(name, 2, 1 + kind)
    flaw('k', told, 'is held by a job that is gone, has ended or started', function()
      call('HDEL', P .. 'keys', name)
    end)
  end)
end

-- Leases: each open one belongs to a job that runs.
local function check_leases(b)
  local open, strays, bound = 0, 0, nil
  for index = 0, b.size - 1 do
    if is_open(b, index) then
      local job = load(seq_at(b, index))
      if job and (job.running or job.state == 'R') then
        open = open + 1
        local deadline = u64(deadline_at(b, index))
        if not bound or deadline < bound then bound = deadline end
      else
        strays = strays + 1
        flaw('l', 'fence ' .. string.format('%.0f', b.number * SPREAD + index),
          'a lease of ' .. b.worker .. ' on a job that does not run', function() close(b, index) end)
      end
    end
  end
  return open, strays, bound
end

Check.run = function(cursor)
  return each(P .. 'run', 'HSCAN', cursor, function(name, raw)
    local readable, b = pcall(function() return #name == 8 and bundle(u64(name)) end)
    if not readable or not b then
      return flaw('l', 'bundle ' .. hex(name), 'the record of leases is damaged; kept in the hash damaged', function()
        bundles = {}
        call('HSET', P .. 'damaged', 'run:' .. name, raw)
        call('HDEL', P .. 'run', name)
      end)
    end
    local counted = b.open
    local open, strays, bound = check_leases(b)
    local told = 'bundle ' .. string.format('%.0f', b.number)
    if open + strays ~= counted or open + strays == 0 then
      flaw('l', told, 'counts ' .. counted .. ' open leases and has ' .. open, function() b.dirty = true end)
    end
    if mending then b.open = open end
    if not bound then return end
    local at = call('ZSCORE', P .. 'leases', name)
    if not at or tonumber(at) > bound then
      flaw('l', told, 'its end is not watched: nobody would take it back', function()
        call('ZADD', P .. 'leases', bound, name)
      end)
    end
    if not call('ZSCORE', P .. 'held', held_name(b.worker, name)) then
      flaw('l', told, 'is not among what ' .. b.worker .. ' holds', function()
        call('ZADD', P .. 'held', 0, held_name(b.worker, name))
      end)
    end
  end)
end

local function leads_to_bundle(key)
  return function(cursor)
    return each(P .. key, 'ZSCAN', cursor, function(member)
      if #member >= 8 and call('HEXISTS', P .. 'run', sub(member, -8)) == 1 then return end
      flaw('l', hex(member), 'in ' .. key .. ': there are no such leases', function()
        call('ZREM', P .. key, member)
      end)
    end)
  end
end

-- What stands beside the packs: each entry belongs to one.
local function belongs_to_pack(key, command, found)
  return function(cursor)
    return each(P .. key, command, cursor, function(member)
      if #member == 8 and found(member) then return end
      flaw('i', hex(member), 'in ' .. key .. ': there is no such pack of jobs', function()
        call(command == 'ZSCAN' and 'ZREM' or 'HDEL', P .. key, member)
      end)
    end)
  end
end
local function is_pack(name) return call('HEXISTS', P .. 'packs', name) == 1 end
Check.spans, Check.gone = belongs_to_pack('spans', 'ZSCAN', is_pack), belongs_to_pack('gone', 'HSCAN', is_pack)

-- The entries of ascending packs by their first ids.
Check.ranges = function(cursor)
  return each(P .. 'ranges', 'ZSCAN', cursor, function(member)
    local p = #member == 24 and Pack.open(sub(member, 17))
    if p and p.ascends and Pack.range(p) == member then return end
    flaw('i', hex(member), 'in ranges: there is no such pack of jobs', function() call('ZREM', P .. 'ranges', member) end)
  end)
end
Check.ran = belongs_to_pack('ran', 'HSCAN', function(seq)
  local name = call('ZREVRANGEBYSCORE', P .. 'spans', u64(seq), '-inf', 'LIMIT', 0, 1)[1]
  local p = name and Pack.open(name)
  return p and u64(seq) < p.first + p.n
end)
Check.leases, Check.held = leads_to_bundle('leases'), leads_to_bundle('held')

-- Lanes, due and expiry sets of a queue: each entry leads to a job that stands there.
local function stands(queue, set, fits)
  return function(cursor)
    return each(queue_key(queue, set), 'ZSCAN', cursor, function(member)
      local job = #member >= 8 and load(sub(member, -8))
      if job and not job.running and job.queue == queue and fits(job, member) then return end
      flaw('i', queue .. ' ' .. set, 'an entry for a job that does not stand there', function()
        call('ZREM', queue_key(queue, set), member)
      end)
    end)
  end
end

Check.lanes = function(cursor, _, queue, prio)
  return stands(queue, 'z' .. prio, function(job, member)
    return job.state == 'A' and job.place == 'Z' and job.prio == prio and
      member == lane_of(share_of(job), breed_of(job)) .. job.due .. job.seq
  end)(cursor)
end
Check.due = function(cursor, _, queue)
  return stands(queue, 'due', function(job) return job.state == 'S' or job.state == 'T' end)(cursor)
end
Check.exp = function(cursor, _, queue) return stands(queue, 'exp', may_expire)(cursor) end

-- Turns of a band: each share with available jobs has one.
Check.turns = function(cursor, _, queue, prio)
  local b = band(queue, prio)
  return each(b.k, 'HSCAN', cursor, function(share)
    if (share == '' and not b.keyed) or call('ZSCORE', b.t, share) then return end
    flaw('i', queue .. ' turns', 'the fairness key "' .. share .. '" has jobs and no turn', function()
      call('ZADD', b.t, last_turn(b) + 1, share)
      b.keyed = true
      if call('HEXISTS', b.k, '') == 1 then call('ZADD', b.t, 'NX', last_turn(b) + 1, '') end
      stirred = true
    end)
  end)
end

-- What stands beside the records.
Check.stop = function(cursor)
  return each(P .. 'stop', 'HSCAN', cursor, function(seq)
    local job = #seq == 8 and load(seq)
    if job and (job.running or job.state == 'R') then return end
    flaw('i', hex(seq), 'is asked to stop and does not run', function() call('HDEL', P .. 'stop', seq) end)
  end)
end
Check.errors = function(cursor)
  return each(P .. 'errors', 'HSCAN', cursor, function(seq)
    if call('HEXISTS', P .. 'jobs', seq) == 1 then return end
    flaw('i', hex(seq), 'an error is kept for a job that is gone', function() call('HDEL', P .. 'errors', seq) end)
  end)
end
Check.further = function(cursor)
  return each(P .. 'further', 'HSCAN', cursor, function(seq, request)
    local job = #seq == 8 and load(seq)
    if job and not is_final(job.state) then return end
    if #request < FIXED + 4 then
      return flaw('d', hex(seq), 'a request to run once more is damaged', function() call('HDEL', P .. 'further', seq) end)
    end
    flaw('k', uuid(sub(request, 56, 71)), 'waits to run after a job that is gone', function()
      call('HDEL', P .. 'further', seq)
      store(request)
      stirred = true
    end)
  end)
end

-- Groups: id, then sealed, pending, children, rows, done or '', parent or '' of each.
Check.groups = function(cursor, facts)
  return each(P .. 'groups', 'ZSCAN', cursor, function(id)
    local group = call('HMGET', group_key(id), 'sealed', 'pending', 'children', 'rows', 'done', 'parent')
    if not group[1] then
      return flaw('g', hex(id), 'is listed, but there is no such group', function()
        call('ZREM', P .. 'groups', id)
        call('ZREM', P .. 'groups:done', id)
      end)
    end
    facts[#facts + 1] = id
    for i = 1, 6 do facts[#facts + 1] = group[i] or '' end
  end)
end

-- Shows whether something moved: every change of a counted state changes one of these.
Check.mark = function()
  local seen, queues = call('HGETALL', P .. 'meta'), call('HKEYS', P .. 'queues')
  seen[#seen + 1] = call('HLEN', P .. 'run')
  for i = 1, #queues do
    local counted = call('HGETALL', queue_key(queues[i], 'count'))
    for k = 1, #counted do seen[#seen + 1] = counted[k] end
  end
  return redis.sha1hex(concat(seen, '\0'))
end

-- Corrects counters if nothing moved since `mark`: key, field, what it is ('' for none) and should be, in turns. The mark
-- from now on, or 'moved'.
Check.counters = function(mark_, facts, ...)
  if Check.mark() ~= mark_ then return 'moved' end
  local args = { ... }
  for i = 1, #args, 4 do
    local key, field, is, should = args[i], args[i + 1], args[i + 2], args[i + 3]
    if (call('HGET', P .. key, field) or '') == is then
      local told = is == '' and 'nothing' or is
      flaw('c', key .. ' ' .. (string.find(field, '[^%w%p ]') and hex(field) or field),
        'counts ' .. told .. ' and should count ' .. should, function()
          if should == '0' and key ~= 'queues' then call('HDEL', P .. key, field) else call('HSET', P .. key, field, should) end
          if should == '0' and string.find(key, '^q:.*:k[0-3]$') then
            call('ZREM', P .. string.gsub(key, 'k([0-3])$', 't%1'), field)
          end
        end)
    end
  end
  return Check.mark()
end

-- A group of which nothing is left, and which nobody ended.
Check.stuck = function(mark_, _, id)
  if Check.mark() ~= mark_ then return 'moved' end
  local group = call('HMGET', group_key(id), 'sealed', 'done')
  if group[1] == '1' and not group[2] then
    flaw('g', uuid(id), 'has nothing left to wait for, but did not end', function()
      call('HSET', group_key(id), 'pending', 0, 'children', 0)
      end_groups(id)
      finish()
      counts, meta = {}, {}
    end)
  end
  return Check.mark()
end

-- time, '1' to heal, part, cursor (or seq, or mark), more: where to go on, flaws (four each), facts.
API.examine = function(keys, args)
  begin(keys, args[1])
  flaws, mending = {}, args[2] == '1'
  local facts = {}
  local rest = {}
  for i = 5, #args do rest[i - 4] = args[i] end
  local go_on
  if args[3] == 'unshelved' then
    go_on = Check.unshelved(args[4], rest[1])
  else
    go_on = Check[args[3]](args[4], facts, unpack(rest))
  end
  if mending then flush_bundles() end
  bundles = {}
  if mending then finish() end
  return { go_on or '0', flaws, facts }
end

-- time, kind, key, '1' to release it from a job that waits or runs: what was found ('n' nobody, 'r' released, 'u' in use), id
-- and state of the holder.
API.release = function(keys, args)
  begin(keys, args[1])
  local name = char(#args[2]) .. args[2] .. args[3]
  local seq = call('HGET', P .. 'keys', name)
  if not seq then return { 'n', '', '' } end
  local job = load(seq)
  local id, state = job and job.id or '', job and (job.running and 'R' or job.state) or ''
  if job and not is_final(job.state) and args[4] ~= '1' then return { 'u', id, state } end
  call('HDEL', P .. 'keys', name)
  -- A live job without its key is no flaw when somebody took it by hand. Remembered until the job is over and this runs again.
  local freed = call('HKEYS', P .. 'freed')
  for i = 1, math.min(#freed, PIECE) do
    local other = load(freed[i])
    if not other or is_final(other.state) then call('HDEL', P .. 'freed', freed[i]) end
  end
  if job and not is_final(job.state) then call('HSET', P .. 'freed', seq, '1') end
  return { 'r', id, state }
end

end
