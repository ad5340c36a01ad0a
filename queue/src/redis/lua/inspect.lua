-- What operators see.

do -- a scope of its own: Lua allows 200 local names at once

-- The bundle and index under which a job that was popped runs.
local function running_under(seq)
  if not bundles.all then
    bundles.all = {}
    local all = call('HKEYS', P .. 'run')
    for i = 1, #all do
      local b = bundle(u64(all[i]))
      if b then bundles.all[#bundles.all + 1] = b end
    end
  end
  for _, b in ipairs(bundles.all) do
    local from = b.entries + 1
    while true do
      local at = string.find(b.raw, seq, from, true)
      if not at then break end
      local index = (at - b.entries - 1) / 16
      if index % 1 == 0 and is_open(b, index) then return b, index end
      from = at + 1
    end
  end
end

-- Record (with the state it is in), last error, worker and '1' if asked to stop, of each job in turns.
local function show(answer, seq, rec)
  if not sound(rec) then return end
  local job = parse(seq, rec)
  local worker = ''
  if runs(job) then
    local b, index = running_under(seq)
    job.state = 'R'
    if b then
      worker, job.started, job.fence = b.worker, b.started, s64(b.number * SPREAD + index)
    end
  end
  local n = #answer
  answer[n + 1], answer[n + 2] = seq, build(job)
  answer[n + 3] = has(job.flags, ERROR) and call('HGET', P .. 'errors', seq) or ''
  answer[n + 4] = worker
  answer[n + 5] = job.state == 'R' and call('HEXISTS', P .. 'stop', seq) == 1 and '1' or ''
end

-- time, orders of arrival…
API.show = function(keys, args)
  begin(keys, args[1])
  local seqs, answer = {}, {}
  for i = 2, #args do seqs[i - 1] = args[i] end
  local recs = fields(P .. 'jobs', seqs)
  for i = 1, #seqs do show(answer, seqs[i], recs[i]) end
  bundles = {}
  return answer
end

-- time, ids…: their jobs.
API.find = function(keys, args)
  begin(keys, args[1])
  local ids, seqs, answer = {}, {}, {}
  for i = 2, #args do ids[i - 1] = args[i] end
  local found = fields(P .. 'ids', ids)
  for i = 1, #ids do if found[i] then seqs[#seqs + 1] = found[i] end end
  local recs = fields(P .. 'jobs', seqs)
  for i = 1, #seqs do show(answer, seqs[i], recs[i]) end
  bundles = {}
  return answer
end

-- time: name, paused, state and count in turns, when the oldest available job was due, and limits, of each
-- queue.
API.queues = function(keys, args)
  begin(keys, args[1])
  local queues, answer = call('HGETALL', P .. 'queues'), {}
  for i = 1, #queues, 2 do
    local name, oldest = queues[i], nil
    for prio = 0, 3 do
      local shares, breeds = call('HKEYS', queue_key(name, 'k' .. prio)), call('HKEYS', queue_key(name, 'n' .. prio))
      for _, share in ipairs(shares) do
        for _, breed in ipairs(breeds) do
          local lane = lane_of(share, breed)
          local member = call('ZRANGEBYLEX', queue_key(name, 'z' .. prio), '[' .. lane, '(' .. lane .. '\255',
            'LIMIT', 0, 1)[1]
          if member then
            local due = sub(member, -16, -9)
            if not oldest or u64(due) < u64(oldest) then oldest = due end
          end
        end
      end
      local list = queue_key(name, 'f' .. prio)
      for _ = 1, PIECE do
        local token = call('LINDEX', list, 0)
        if not token then break end
        local rec = call('HGET', P .. 'jobs', sub(token, 9, 16))
        if sound(rec) and byte(rec, 2) == 65 and byte(rec, 3) == 76 then
          if not oldest or u64(token) < u64(oldest) then oldest = sub(token, 1, 8) end
          break
        end
        call('LPOP', list)
      end
    end
    answer[#answer + 1] = { name, queues[i + 1], call('HGETALL', queue_key(name, 'count')), oldest or '',
      call('HGET', P .. 'limits', name) or '' }
  end
  return answer
end

-- time, ids…: the fields of each group; nothing for one that is not there.
API.groups = function(keys, args)
  begin(keys, args[1])
  local answer = {}
  for i = 2, #args do
    answer[i - 1] = call('HGETALL', group_key(args[i]))
  end
  return answer
end

-- time: where the orders of arrival begin and end.
API.bounds = function(keys, args)
  begin(keys, args[1])
  local values = call('HMGET', P .. 'meta', 'floor', 'seq')
  return { tonumber(values[1] or '1'), tonumber(values[2] or '0') }
end

end
