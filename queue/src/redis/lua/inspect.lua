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
  local number = u64(seq)
  for _, b in ipairs(bundles.all) do
    for _, run in ipairs(b.runs) do
      local index = run.first and number >= run.first and number < run.first + run.n and run.at + number - run.first
      for past = 0, run.first and -1 or run.n - 1 do
        if seq_at(b, run.at + past) == seq then index = run.at + past end
      end
      if index and is_open(b, index) then return b, index end
    end
  end
end

-- Order of arrival, record (with the state it is in), last error, worker and '1' if asked to stop.
local function show(answer, job)
  local worker = ''
  if job.running then
    local b, index = running_under(job.seq)
    job.state = 'R'
    if b then
      worker, job.started, job.fence = b.worker, b.started, s64(b.number * SPREAD + index)
    end
  end
  local n = #answer
  answer[n + 1], answer[n + 2] = job.seq, build(job)
  answer[n + 3] = has(job.flags, ERROR) and call('HGET', P .. 'errors', job.seq) or ''
  answer[n + 4] = worker
  answer[n + 5] = job.running and call('HEXISTS', P .. 'stop', job.seq) == 1 and '1' or ''
end

local function show_all(seqs)
  local answer, recs, near = {}, fields(P .. 'jobs', seqs), nil
  for i = 1, #seqs do
    local job = job_at(seqs[i], recs[i], near)
    if job then
      near = job.pack or near
      show(answer, job)
    end
  end
  bundles = {}
  return answer
end

-- time, orders of arrival…
API.show = function(keys, args)
  begin(keys, args[1])
  return show_all({ unpack(args, 2) })
end

-- time, ids…: their jobs.
API.find = function(keys, args)
  begin(keys, args[1])
  local ids, seqs = { unpack(args, 2) }, {}
  local found = Ids.find(ids)
  for i = 1, #ids do
    if found[i] then seqs[#seqs + 1] = Pack.seq_of(ids[i], found[i]) end
  end
  return show_all(seqs)
end

-- When the oldest fresh job of a share that waits was due, in eight bytes, or nil. Drops tokens of jobs that are not there any
-- more.
local function oldest_fresh(queue, prio, share)
  for _ = 1, PIECE do
    local token = Fresh.head(queue, prio, share)
    if not token then return nil end
    if #token == 16 then
      local rec = call('HGET', P .. 'jobs', sub(token, 9))
      if sound(rec) and byte(rec, 2) == 65 and byte(rec, 3) == 76 then return sub(token, 1, 8) end
    else
      local p = Pack.open(sub(token, 17, 24))
      local places = p and Fresh.places(token, p, Fresh.jobs_in(token)) or {}
      for k = 1, math.min(#places, Fresh.jobs_in(token)) do
        if not Pack.has_left(p, places[k]) then return sub(token, 1, 8) end
      end
    end
    local next_ = Fresh.drop(queue, prio, share, 1)
    if share ~= '' then Fresh.set_head(queue, prio, share, next_) end
  end
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
      local heads = Fresh.heads(name, prio, shares)
      local function look(due)
        if due and (not oldest or u64(due) < u64(oldest)) then oldest = due end
      end
      for k, share in ipairs(shares) do
        for _, breed in ipairs(breeds) do
          local lane = lane_of(share, breed)
          local member = call('ZRANGEBYLEX', queue_key(name, 'z' .. prio), '[' .. lane, '(' .. lane .. '\255',
            'LIMIT', 0, 1)[1]
          look(member and sub(member, -16, -9))
        end
        local head = heads[k]
        if share == '' or (head and (not oldest or u64(head) < u64(oldest))) then look(oldest_fresh(name, prio, share)) end
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
