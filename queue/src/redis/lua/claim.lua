-- Due work becomes available, available work becomes leases.

local MOST_BYTES = 32 * 1024 * 1024                 -- of one answer

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
        enter_lane(job)
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

-- ---- the available jobs of one priority, oldest first

-- Whether the worker can perform the job whose record this is.
local function can(kinds, rec)
  local max = kinds[kind_of(rec)]
  if not max then return false end
  local high, low = byte(rec, 6, 7)
  return high * 256 + low <= max
end

local function open_stream(queue, prio, kinds, need)
  local s = { queue = queue, prio = prio, kinds = kinds, need = need, list = queue_key(queue, 'f' .. prio),
    tokens = {}, recs = {}, at = 1, passed = 0, looks = 0, lanes = {}, more = true }
  local lanes = call('HKEYS', queue_key(queue, 'n' .. prio))
  for i = 1, #lanes do
    local lane = lanes[i]
    local length = byte(lane, 1)
    local high, low = byte(lane, length + 2, length + 3)
    local max = kinds[sub(lane, 2, length + 1)]
    if max and high * 256 + low <= max then
      local members = call('ZRANGEBYLEX', queue_key(queue, 'z' .. prio), '[' .. lane, '(' .. lane .. '\255',
        'LIMIT', 0, need)
      s.lanes[#s.lanes + 1] = { name = lane, members = members, at = 1, max = #members }
    end
  end
  return s
end

-- Removes what was taken from the list so far.
local function trim(s)
  if s.passed > 0 then
    call('LTRIM', s.list, s.passed, -1)
    s.passed = 0
  end
end

-- The next fresh job; drops what is no longer there, sets aside what the worker does not know.
local function fresh(s)
  while true do
    local token = s.tokens[s.at]
    if not token then
      if not s.more or s.looks >= 4 * PIECE then return nil end
      trim(s)
      s.tokens, s.recs, s.at = call('LRANGE', s.list, 0, s.need - 1), {}, 1
      s.more = #s.tokens == s.need
      if #s.tokens == 0 then return nil end
      local seqs = {}
      for i = 1, #s.tokens do seqs[i] = sub(s.tokens[i], 9, 16) end
      s.recs = fields(P .. 'jobs', seqs)
      token = s.tokens[1]
    end
    local rec = s.recs[s.at]
    if sound(rec) and byte(rec, 2) == 65 and byte(rec, 3) == 76 then
      if can(s.kinds, rec) then return token, rec end
      local job = parse(sub(token, 9, 16), rec)
      enter_lane(job)
      save(job)
    elseif rec and not sound(rec) then
      call('HSET', P .. 'damaged', sub(token, 9, 16), rec)
      call('HDEL', P .. 'jobs', sub(token, 9, 16))
      count(s.queue, 'A', -1)
    end
    s.at, s.passed, s.looks = s.at + 1, s.passed + 1, s.looks + 1
  end
end

-- The oldest job: token, record, and the lane it stands in (nil: the list).
local function head(s)
  if s.head then return s.head end
  local token, rec = fresh(s)
  local from
  for i = 1, #s.lanes do
    local lane = s.lanes[i]
    local member = lane.members[lane.at]
    if member then
      local other = sub(member, -16)
      if not token or before(other, token) then token, from = other, lane end
    end
  end
  if not token then return nil end
  if from then rec = call('HGET', P .. 'jobs', sub(token, 9, 16)) end
  s.head = { token = token, rec = rec, lane = from, due = u64(sub(token, 1, 8)) }
  return s.head
end

local function take(s)
  local h = s.head
  s.head = nil
  if h.lane then
    h.lane.at = h.lane.at + 1
    leave_lane(s.queue, s.prio, h.lane.name, h.token)
  else
    s.at, s.passed = s.at + 1, s.passed + 1
  end
  return h
end

-- ---- which priority is next: the rule of order.rs

local function strict(heads, aging)
  local best, best_level
  for prio = 0, 3 do
    local h = heads[prio]
    if h then
      local level = prio
      if aging > 0 and now > h.due then level = math.max(0, prio - math.floor((now - h.due) / aging)) end
      if not best or level < best_level or (level == best_level and h.due < heads[best].due) then
        best, best_level = prio, level
      end
    end
  end
  return best
end

local function weighted(heads, weights, draw)
  local total, first = 0, nil
  for prio = 0, 3 do
    if heads[prio] then
      total = total + weights[prio]
      first = first or prio
    end
  end
  local ticket = math.floor(draw * total)
  for prio = 0, 3 do
    if heads[prio] and total > 0 then
      if ticket < weights[prio] then return prio end
      ticket = ticket - weights[prio]
    end
  end
  return first
end

local function next_of(streams, order, turn)
  if streams.only then return head(streams[streams.only]) and streams.only end
  local heads = {}
  for prio = 0, 3 do heads[prio] = streams[prio] and head(streams[prio]) end
  if order.weights then
    local at = math.min(turn, #order.draws / 8 - 1) * 8
    return weighted(heads, order.weights, unpack_('>d', sub(order.draws, at + 1, at + 8)))
  end
  return strict(heads, order.aging)
end

-- ---- claiming

local function open_streams(request)
  local streams, n = {}, 0
  for prio = 0, 3 do
    if call('EXISTS', queue_key(request.queue, 'f' .. prio), queue_key(request.queue, 'n' .. prio)) > 0 then
      streams[prio] = open_stream(request.queue, prio, request.kinds, request.max)
      streams.only, n = prio, n + 1
    end
  end
  if n ~= 1 then streams.only = nil end
  return streams
end

-- A job whose record is gone or damaged stands in a lane: set it aside.
local function set_aside(request, seq, rec)
  if rec then
    call('HSET', P .. 'damaged', seq, rec)
    call('HDEL', P .. 'jobs', seq)
  end
  count(request.queue, 'A', -1)
end

-- What starting a job takes back: its key if that was held until now, its expiry.
local function start(request, seq, rec)
  local flags = byte(rec, 5)
  if has(flags, EXPIRES) then call('ZREM', queue_key(request.queue, 'exp'), seq) end
  if has(flags, UNIQUE) then release_key(parse(seq, rec), function(scope) return scope == 'S' end) end
end

local function expired(seq, rec)
  if not has(byte(rec, 5), EXPIRES) then return false end
  local expires = may_expire(parse(seq, rec))
  return expires and u64(expires) <= now
end

-- Leases jobs: orders of arrival, records, and what was left unlooked at.
local function collect(request, expired_before)
  local streams = open_streams(request)
  local seqs, recs, lanes, bytes, turn, cut = {}, {}, {}, 0, 0, false
  local spent = expired_before
  while #seqs < request.max do
    local prio = next_of(streams, request.order, turn)
    if not prio then break end
    turn = turn + 1
    local s = streams[prio]
    local rec, seq = s.head.rec, sub(s.head.token, 9, 16)
    if not sound(rec) then
      take(s)
      set_aside(request, seq, rec)
    elseif expired(seq, rec) then
      if spent >= 2 * PIECE then break end
      spent = spent + 1
      trim(s)
      local job = load(seq)
      if s.head.lane then s.head.lane.at = s.head.lane.at + 1 else s.at, s.passed = s.at + 1, s.passed + 1 end
      s.head = nil
      if job then expire(job) end
    else
      if #seqs > 0 and bytes + #rec > MOST_BYTES then
        cut = true
        break
      end
      local h = take(s)
      bytes = bytes + #rec
      local n = #seqs + 1
      seqs[n], recs[n] = seq, rec
      if h.lane then lanes[#lanes + 1] = n end
      if byte(rec, 5) % 8 >= 2 then
        for p = 0, 3 do if streams[p] then trim(streams[p]) end end
        start(request, seq, rec)
      end
    end
  end
  for prio = 0, 3 do
    local s = streams[prio]
    if s then
      trim(s)
      if s.looks >= 4 * PIECE then cut = true end
    end
  end
  return seqs, recs, lanes, cut
end

-- Makes a bundle of jobs; those from lanes are marked as running.
local function hold(request, seqs, recs, lanes)
  local number = call('HINCRBY', P .. 'meta', 'bundle', 1)
  local deadline = now + request.lease
  new_bundle(number, request.queue, request.worker, seqs, deadline)
  local jobs = {}
  for i = 1, #lanes do
    local index = lanes[i]
    local rec = recs[index]
    jobs[#jobs + 1] = seqs[index]
    jobs[#jobs + 1] = concat({ 'jR-', sub(rec, 4, 31), s64(number * SPREAD + index - 1), now8, sub(rec, 48) })
  end
  bulk('HSET', P .. 'jobs', jobs)
  count(request.queue, 'A', -#seqs)
  count(request.queue, 'R', #seqs)
  return number, deadline
end

-- Reads a claim from the arguments: queue, worker, most jobs, lease in ms, 's' and aging in ms or 'w' and five weights
-- and draws, then kinds and versions in turns.
local function claim_from(args, at)
  local request = { queue = args[at], worker = args[at + 1], max = tonumber(args[at + 2]),
    lease = tonumber(args[at + 3]), kinds = {}, order = {} }
  if args[at + 4] == 's' then
    request.order.aging = tonumber(args[at + 5])
    at = at + 6
  else
    request.order.weights, request.order.draws = {}, args[at + 9]
    for prio = 0, 3 do request.order.weights[prio] = tonumber(args[at + 5 + prio]) end
    at = at + 10
  end
  for i = at, #args, 2 do request.kinds[args[i]] = tonumber(args[i + 1]) end
  return request
end

-- { first fence, deadline, moment of the call, when to look again or '', records… }, or nothing for a stranger; and whether
-- nothing that others could claim came up on the way.
local function claim(request)
  local worker = call('HGET', P .. 'workers', request.worker)
  if not worker or byte(worker, 1) ~= 65 then return nil end
  if call('HGET', P .. 'queues', request.queue) ~= '0' then return { '0', '0', string.format('%.0f', now), '' }, true end
  local available, expired_now = advance(request.queue, PIECE)
  local seqs, recs, lanes, cut = {}, {}, {}, false
  if request.max > 0 and next(request.kinds) then
    seqs, recs, lanes, cut = collect(request, expired_now)
  end
  local number, deadline = 0, 0
  if #seqs > 0 then number, deadline = hold(request, seqs, recs, lanes) end
  local again = look_again(request.queue)
  if cut and (not again or again > now) then again = now end
  local answer = { string.format('%.0f', number * SPREAD), string.format('%.0f', deadline),
    string.format('%.0f', now), again and string.format('%.0f', again) or '' }
  for i = 1, #recs do answer[4 + i] = recs[i] end
  return answer, expired_now == 0 and available <= #seqs
end

-- time, settlements, claim: the answers to the settlements, then what the claim found.
API.turn = function(keys, args)
  begin(keys, args[1])
  local answers, at = settle_from(args, 2)
  flush_bundles()
  local before_claim = stirred
  stirred = false
  local found, quiet = claim(claim_from(args, at))
  finish(quiet and not before_claim)
  return { answers, found or 'stranger' }
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
