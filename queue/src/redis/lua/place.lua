-- Where waiting jobs are found.
--
-- Fresh jobs stand in one list per queue and priority, as tokens (due at, order of arrival): appended at the tail, popped
-- at the head, sorted, so a job whose token is below the head has been popped and runs. All others that are
-- available (with a fairness key, rescued, retried, promoted, replayed, of a kind that the last worker did not know) stand
-- in lanes: one sorted set per queue and priority, ordered by lane (fairness key, kind, version), then token; a hash
-- counts each kind and version. Scheduled and retryable jobs stand in the due set, those that may expire in the
-- expiry set, too.
--
-- A job cancelled in the list leaves its token behind; whoever pops it drops it.

local function breed_of(job) return char(#job.kind) .. job.kind .. job.version end

local function lane_of(share, breed) return char(#share) .. share .. breed end

-- A token of 16 bytes as two numbers; strings would be compared by the server's locale.
local function before(a, b)
  local a_due, b_due = u64(sub(a, 1, 8)), u64(sub(b, 1, 8))
  if a_due ~= b_due then return a_due < b_due end
  return u64(sub(a, 9, 16)) < u64(sub(b, 9, 16))
end

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

-- Whether a job that was fresh has left the list: its worker has it.
local function popped(queue, prio, token)
  local head = call('LINDEX', queue_key(queue, 'f' .. prio), 0)
  return not head or before(token, head)
end

local function runs(job)
  if job.state == 'A' and job.place == 'L' then return popped(job.queue, job.prio, job.due .. job.seq) end
  return job.state == 'R'
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

-- Appends tokens, which are sorted, to a list of fresh jobs, unless the clock went back. The highest token ever appended
-- is kept, so that the list stays sorted when it runs empty. Returns whether it did.
local function append(queue, prio, tokens)
  local last = call('HGET', P .. 'last', prio .. queue)
  if last and not before(last, tokens[1]) then return false end
  bulk('RPUSH', queue_key(queue, 'f' .. prio), tokens)
  call('HSET', P .. 'last', prio .. queue, tokens[#tokens])
  return true
end

-- A job by its order of arrival, or nil.
local function load(seq)
  local rec = call('HGET', P .. 'jobs', seq)
  if not sound(rec) then return nil end
  local job = parse(seq, rec)
  if taken[seq] or runs(job) then job.running = true end
  return job
end
