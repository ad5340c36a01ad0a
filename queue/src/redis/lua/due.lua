-- Due work becomes available, expired work ends.

local function job_to_expire(queue, limit)
  return call('ZRANGEBYSCORE', queue_key(queue, 'exp'), '-inf', now, 'LIMIT', 0, limit)
end

-- Cancels expired jobs of a queue, then makes due ones available, `limit` in all.
local function advance(queue, limit)
  local expired, available = 0, 0
  while expired < limit do
    local seqs = job_to_expire(queue, limit - expired)
    if #seqs == 0 then break end
    for i = 1, #seqs do
      local job = load(seqs[i])
      if job and not job.running and waits(job) then
        expire(job)
        expired = expired + 1
      else
        call('ZREM', queue_key(queue, 'exp'), seqs[i])
      end
    end
  end
  if expired < limit then
    local key = queue_key(queue, 'due')
    local seqs = call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, limit - expired)
    local recs, jobs = fields(P .. 'jobs', seqs), {}
    for i = 1, #seqs do
      if sound(recs[i]) then
        local job = parse(seqs[i], recs[i])
        count(queue, job.state, -1)
        count(queue, 'A', 1)
        job.state = 'A'
        local share = share_of(job)
        mark(queue, job.prio, share, 1)
        enter_lane(job, share)
        jobs[#jobs + 1] = seqs[i]
        jobs[#jobs + 1] = build(job)
        available = available + 1
      end
    end
    bulk('ZREM', key, seqs)
    bulk('HSET', P .. 'jobs', jobs)
    if available > 0 then stirred = true end
  end
  return available, expired
end

-- The moment of the first member of a set of moments, or nil.
local function first_moment(key)
  local head = call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if head[2] then return tonumber(head[2]) end
end

-- When to look at a queue again, or nil.
local function look_again(queue)
  local due, expires = first_moment(queue_key(queue, 'due')), first_moment(queue_key(queue, 'exp'))
  if expires and expires <= now and (not due or expires < due) then return expires end
  return due
end

-- time, limit: how many became available, how many expired, when the next is due or ''.
API.promote = function(keys, args)
  begin(keys, args[1])
  local limit, available, expired_ = tonumber(args[2]), 0, 0
  local queues = call('HKEYS', P .. 'queues')
  while available + expired_ < limit do
    local best, best_at
    for i = 1, #queues do
      local due, expires = first_moment(queue_key(queues[i], 'due')), first_moment(queue_key(queues[i], 'exp'))
      local at = due and expires and math.min(due, expires) or due or expires
      if at and at <= now and (not best_at or at < best_at) then best, best_at = queues[i], at end
    end
    if not best then break end
    local a, e = advance(best, math.min(limit - available - expired_, #queues > 1 and 50 or PIECE))
    if a + e == 0 then break end
    available, expired_ = available + a, expired_ + e
  end
  local next_due
  for i = 1, #queues do
    local at = look_again(queues[i])
    if at and (not next_due or at < next_due) then next_due = at end
  end
  finish()
  return { available, expired_, next_due and string.format('%.0f', next_due) or '', string.format('%.0f', now) }
end
