-- Available work becomes leases.

do -- a scope of its own: Lua allows 200 local names at once

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

-- The band and share that are next, or nil.
local function next_of(request, open, turn)
  local order = request.order
  if open.only then return open.only, pick(open.only) end
  if order.aging == 0 then
    for prio = 0, 3 do
      local s = open[prio] and pick(open[prio])
      if s then return open[prio], s end
    end
    return nil
  end
  local heads = {}
  for prio = 0, 3 do
    local c = open[prio]
    if c and order.weights then
      heads[prio] = pick(c)
    elseif c then
      local due = oldest(c)
      heads[prio] = due and { due = due }
    end
  end
  local best
  if order.weights then
    local at = math.min(turn, #order.draws / 8 - 1) * 8
    best = weighted(heads, order.weights, unpack_('>d', sub(order.draws, at + 1, at + 8)))
  else
    best = strict(heads, order.aging)
  end
  if best then return open[best], pick(open[best]) end
end

-- ---- claiming

local function open_bands(request)
  local open, n = {}, 0
  for prio = 0, 3 do
    local list, heads, lanes = queue_key(request.queue, 'f' .. prio), queue_key(request.queue, 'h' .. prio),
      queue_key(request.queue, 'n' .. prio)
    if call('EXISTS', list, heads, lanes) > 0 then
      open[prio] = open_band(request, prio)
      open.only, n = open[prio], n + 1
    end
  end
  if n ~= 1 then open.only = nil end
  return open
end

local function trim_all(open)
  for prio = 0, 3 do if open[prio] then trim_band(open[prio]) end end
end

local function expired(seq, rec)
  if not has(byte(rec, 5), EXPIRES) then return false end
  local expires = may_expire(parse(seq, rec))
  return expires and u64(expires) <= now
end

-- What starting a job changes beside its lease: a key that was held until now, its expiry, the slots of its share.
local function start(request, c, s, seq, rec)
  local flags = byte(rec, 5)
  if has(flags, EXPIRES) then call('ZREM', queue_key(request.queue, 'exp'), seq) end
  if has(flags, UNIQUE) then release_key(parse(seq, rec), function(scope) return scope == 'S' end) end
  if s.share ~= '' then
    hold_share(request.queue, s.share, 1)
    if c.gate then count_start(c.gate, s.share) end
  end
end

-- Cancels the head of a share, which came too late.
local function expire_head(open, c, s)
  trim_all(open)
  local job = load(s.head.seq)
  step(c, s, true)
  if job then expire(job) end
end

-- Takes jobs; those that stood in lanes (place in the claim, order of arrival, record); whether jobs were left unlooked at.
local function collect(request, spent)
  local open = open_bands(request)
  local lot = Lot.collect_fresh(request, open.only) or Lot.collect_turns(request, open.only)
  if lot then return lot, {}, false end
  lot = Lot.new()
  local lanes, turn, cut = {}, 0, false
  while lot.n < request.max do
    local c, s = next_of(request, open, turn)
    if not s then break end
    turn = turn + 1
    local h = s.head
    if not sound(h.rec) then
      step(c, s)
      set_aside(c, s.share, h.seq, h.rec)
    elseif expired(h.seq, h.rec) then
      if spent >= 2 * PIECE then break end
      spent = spent + 1
      expire_head(open, c, s)
    else
      if lot.n > 0 and lot.bytes + #h.rec > Lot.MOST_BYTES then
        cut = true
        break
      end
      step(c, s)
      serve(c)
      mark(request.queue, c.prio, s.share, -1)
      if h.pack then Lot.take_packed(lot, h.pack, h.index, 1) else Lot.take_single(lot, h.seq, h.rec) end
      taken[h.seq] = true
      if h.lane then lanes[#lanes + 1] = { lot.n, h.seq, h.rec } end
      if byte(h.rec, 5) % ERROR >= UNIQUE then
        if byte(h.rec, 5) % FAIR >= UNIQUE then trim_all(open) end
        start(request, c, s, h.seq, h.rec)
      end
    end
  end
  for prio = 0, 3 do
    if open[prio] and close_band(open[prio]) then cut = true end
  end
  return lot, lanes, cut
end

-- Makes a bundle of what was taken; jobs from lanes are marked as running.
local function hold(request, lot, lanes)
  local number = call('HINCRBY', P .. 'meta', 'bundle', 1)
  local deadline = now + request.lease
  Lot.end_run(lot)
  new_bundle(number, request.queue, request.worker, lot, deadline)
  local jobs = {}
  for i = 1, #lanes do
    local place, seq, rec = lanes[i][1], lanes[i][2], lanes[i][3]
    jobs[2 * i - 1] = seq
    jobs[2 * i] = concat({ 'jR-', sub(rec, 4, 31), s64(number * SPREAD + place - 1), now8, sub(rec, 48) })
  end
  bulk('HSET', P .. 'jobs', jobs)
  count(request.queue, 'A', -lot.n)
  count(request.queue, 'R', lot.n)
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

-- { first fence, deadline, moment of the call, when to look again or '', order, jobs… }, each a record, or four parts of a
-- pack; or nothing for a stranger; and whether nothing that others could claim came up on the way. The order is '' when the
-- jobs are as served, else four bytes a job by which they are sorted.
local function claim(request)
  local worker = call('HGET', P .. 'workers', request.worker)
  if not worker or byte(worker, 1) ~= 65 then return nil end
  if call('HGET', P .. 'queues', request.queue) ~= '0' then return { '0', '0', string.format('%.0f', now), '', '' }, true end
  local available, expired_now = advance(request.queue, PIECE)
  local g = gate(request.queue)
  if g then forget_idle(g) end
  local lot, lanes, cut = Lot.new(), {}, false
  if request.max > 0 and next(request.kinds) then
    lot, lanes, cut = collect(request, expired_now)
  end
  local number, deadline = 0, 0
  if lot.n > 0 then number, deadline = hold(request, lot, lanes) end
  local again = look_again(request.queue)
  if g and g.opens and (not again or g.opens < again) then again = g.opens end
  if cut and (not again or again > now) then again = now end
  local answer = { string.format('%.0f', number * SPREAD), string.format('%.0f', deadline),
    string.format('%.0f', now), again and string.format('%.0f', again) or '', lot.order or '' }
  for i = 1, #lot.given do answer[5 + i] = lot.given[i] end
  return answer, expired_now == 0 and available <= lot.n
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

end
