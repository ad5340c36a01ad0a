-- Where waiting jobs are found.
--
-- Fresh jobs stand in lists (fresh.lua). All others that are available (rescued, retried, promoted, replayed, of a kind that
-- the last worker did not know) stand in lanes: one sorted set per queue and priority, ordered by lane (fairness key, kind,
-- version), then token; a hash counts each kind and version. Scheduled and retryable jobs stand in the due set, those that
-- may expire in the expiry set, too.

local function breed_of(job) return char(#job.kind) .. job.kind .. job.version end

local function lane_of(share, breed) return char(#share) .. share .. breed end

local function enter_lane(job, share)
  local breed = breed_of(job)
  call('ZADD', queue_key(job.queue, 'z' .. job.prio), 0, lane_of(share, breed) .. job.due .. job.seq)
  call('HINCRBY', queue_key(job.queue, 'n' .. job.prio), breed, 1)
  job.place = 'Z'
end

local function leave_lane(queue, prio, share, breed, token)
  if call('ZREM', queue_key(queue, 'z' .. prio), lane_of(share, breed) .. token) == 0 then return end
  local key = queue_key(queue, 'n' .. prio)
  if call('HINCRBY', key, breed, -1) <= 0 then call('HDEL', key, breed) end
end

-- Whether a job that was fresh has left its list: its worker has it.
local function popped(job)
  local head = Fresh.head(job.queue, job.prio, share_of(job))
  return not head or Fresh.before(job.due .. job.seq, head)
end

-- What the record does not tell: a job that was popped runs, or was completed in its pack.
local function look_closer(job)
  job.running = job.state == 'R'
  if job.state ~= 'A' or job.place ~= 'L' or not popped(job) then return end
  local ended = job.pack and Pack.ended(job.pack, job.index)
  if not ended then job.running = true; return end
  job.state, job.place = 'C', '-'
  job.finished, job.started, job.fence = ended.finished, ended.started, ended.fence
end

-- Puts a waiting job where its state says; counts it.
local function enter(job)
  know(job.queue)
  count(job.queue, job.state, 1)
  local expires = may_expire(job)
  if expires then call('ZADD', queue_key(job.queue, 'exp'), u64(expires), job.seq) end
  if job.state == 'A' then
    local share = share_of(job)
    mark(job.queue, job.prio, share, 1)
    enter_lane(job, share)
  else
    call('ZADD', queue_key(job.queue, 'due'), u64(job.due), job.seq)
    job.place = 'D'
  end
end

-- Takes a waiting job from its place.
local function withdraw(job)
  count(job.queue, job.state, -1)
  if may_expire(job) then call('ZREM', queue_key(job.queue, 'exp'), job.seq) end
  if job.state == 'A' then mark(job.queue, job.prio, share_of(job), -1) end
  if job.place == 'Z' then
    leave_lane(job.queue, job.prio, share_of(job), breed_of(job), job.due .. job.seq)
  elseif job.place == 'D' then
    call('ZREM', queue_key(job.queue, 'due'), job.seq)
  end
  job.place = '-'
end

-- A job of a pack, by its place there.
local function unpacked(p, i)
  local job = parse(s64(p.first + i), Pack.record(p, i))
  job.pack, job.index = p, i
  return job
end

-- A job by its order of arrival, given the field of `jobs` and a pack it may be in; or nil.
local function job_at(seq, rec, near)
  local job
  if rec then
    job = sound(rec) and parse(seq, rec) or nil
  else
    local p, i = Pack.of(seq, near)
    job = p and unpacked(p, i)
  end
  if job then
    look_closer(job)
    if taken[seq] then job.running = true end
  end
  return job
end

local function load(seq) return job_at(seq, call('HGET', P .. 'jobs', seq)) end
