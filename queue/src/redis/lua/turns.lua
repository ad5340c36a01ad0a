-- A claim from many shares at once: what one turn after the other would take (order/fair.rs), found by counting rounds.
--
-- Every share has a turn up to one after the last one served. Those that are behind ("late", because the claim before ended in
-- the middle of a round, or because their limits held them back) are served first, by turn; then all go round in the order of
-- their bytes. So what each gives follows from how many jobs it has, and is taken from its list in one piece.

do -- a scope of its own: Lua allows 200 local names at once

local ROUND = 4096                                  -- more than the shares of a claim

-- Whether one share comes before another; strings would be compared by the server's locale.
local function lower(a, b)
  local n = math.min(#a, #b)
  for at = 1, n, 4 do
    local a1, a2, a3, a4 = byte(a, at, math.min(at + 3, n))
    local b1, b2, b3, b4 = byte(b, at, math.min(at + 3, n))
    if a1 ~= b1 then return a1 < b1 end
    if a2 ~= b2 then return a2 < b2 end
    if a3 ~= b3 then return a3 < b3 end
    if a4 ~= b4 then return a4 < b4 end
  end
  return #a < #b
end

-- Two lists of shares in the order of their bytes as one.
local function merged(one, other)
  if #one == 0 then return other end
  if #other == 0 then return one end
  local all, i, k = {}, 1, 1
  if lower(one[#one].share, other[1].share) then i, k = 1, #other + 1 end
  if k > #other then
    for n = 1, #one do all[n] = one[n] end
    for n = 1, #other do all[#one + n] = other[n] end
    return all
  end
  while i <= #one or k <= #other do
    if k > #other or (i <= #one and lower(one[i].share, other[k].share)) then
      all[#all + 1] = one[i]
      i = i + 1
    else
      all[#all + 1] = other[k]
      k = k + 1
    end
  end
  return all
end

-- The shares that are next, by turn: share, turn, jobs. nil when this cannot be the usual case.
local function next_shares(c, max)
  local b, some, names, shares = c.b, call('ZRANGE', c.b.t, 0, 2 * max - 1, 'WITHSCORES'), {}, {}
  for k = 1, #some, 2 do names[#names + 1] = some[k] end
  meet(b, names)
  local served = last_turn(b)
  for k = 1, #names do
    local known_ = b.shares[names[k]]
    local jobs, turn = known_.stored + known_.change, tonumber(some[2 * k])
    if turn > served + 1 or jobs < 0 then return nil end
    -- With all its fields, so that the table need not grow.
    shares[k] = { share = names[k], turn = turn, late = turn <= served, place = k, jobs = jobs, most = jobs, take = 0,
      next = 0, order = 0, tokens = false, whole = 0, cut = false, after = false, slots = false, tat = false }
  end
  return shares, #names < 2 * max
end

-- Lowers what shares may give to their limits.
local function limit(g, shares)
  local names, free = {}, g.interval * (g.jobs - 1) + now * 1000
  for k = 1, #shares do names[k] = shares[k].share end
  local running = g.running > 0 and fields(queue_key(g.queue, 'running'), names)
  local tats = g.jobs > 0 and fields(queue_key(g.queue, 'tat'), names)
  for k = 1, #names do
    local s = shares[k]
    if running and s.share ~= '' then
      local n = tonumber(running[k] or '0') + (held[g.queue] and held[g.queue][s.share] or 0)
      s.slots = math.max(0, g.running - n)
      s.most = math.min(s.most, s.slots)
    end
    if tats and s.share ~= '' then
      s.tat = tonumber(tats[k] or '0')
      local starts = s.tat <= free and math.floor((free - math.max(s.tat, now * 1000)) / g.interval) + 1 or 0
      s.most = math.min(s.most, starts)
    end
  end
end

-- Counts what was taken against the rates; remembers when the first share that only its rate holds back may go on.
local function count_starts(g, shares)
  if g.jobs == 0 then return end
  local tats, idle = {}, {}
  for k = 1, #shares do
    local s = shares[k]
    if s.tat then
      if s.take > 0 then
        s.tat = math.max(s.tat, now * 1000) + g.interval * s.take
        tats[#tats + 1], tats[#tats + 2] = s.share, string.format('%.0f', s.tat)
        idle[#idle + 1], idle[#idle + 2] = string.format('%.0f', s.tat), s.share
      end
      local opens = math.ceil((s.tat - g.interval * (g.jobs - 1)) / 1000)
      if s.jobs > s.take and s.take ~= s.slots and opens > now and (not g.opens or opens < g.opens) then g.opens = opens end
    end
  end
  bulk('HSET', queue_key(g.queue, 'tat'), tats)
  bulk('ZADD', queue_key(g.queue, 'idle'), idle)
end

-- How many each gives of `left` in all, and its next turn; in the order of bytes, and the last turn served.
local function share_out(shares, served, left)
  local groups, order = {}, {}
  for k = 1, #shares do
    local s, group = shares[k], groups[#groups]
    if not group or group.turn ~= s.turn then
      group = { turn = s.turn }
      groups[#groups + 1] = group
    end
    group[#group + 1] = s
    if s.late and s.most > 0 and left > 0 then
      s.take, s.next, left = 1, served + 1, left - 1
    end
  end
  for k = #groups, 1, -1 do order = merged(order, groups[k]) end
  while left > 0 do
    local active, least = {}, left
    for k = 1, #order do
      local s = order[k]
      if s.most > s.take then
        active[#active + 1] = s
        least = math.min(least, s.most - s.take)
      end
    end
    if #active == 0 then break end
    local rounds = math.min(least, math.floor(left / #active))
    local last = rounds == 0 and left or #active
    rounds = math.max(rounds, 1)
    for k = 1, last do
      active[k].take, active[k].next = active[k].take + rounds, served + rounds + 1
    end
    served, left = served + rounds, left - rounds * last
  end
  return order, served
end

-- Where each share that gives has its jobs: tokens, and what is read to look at them. false when it has too few.
local function find_tokens(c, order)
  local names, seqs, packs, seen, recs = {}, {}, {}, {}, {}
  for k = 1, #order do
    if order[k].take > 0 and order[k].share ~= '' then names[#names + 1] = order[k].share end
  end
  local heads, nth = Fresh.heads(c.queue, c.prio, names), 0
  for k = 1, #order do
    local s = order[k]
    local left, head, at = s.take, nil, 0
    if left > 0 and s.share ~= '' then
      nth = nth + 1
      head = heads[nth]
      if not head then return false end
    end
    if left > 0 then s.tokens = Lot.first_tokens(c.queue, c.prio, s.share, left, head) end
    while left > 0 do
      at = at + 1
      local token = s.tokens[at]
      if not token then return false end
      if #token == 16 then
        seqs[#seqs + 1] = sub(token, 9, 16)
        left = left - 1
      else
        local name, many = unpack_('>c8I2', token, 17)
        left = left - many
        if not seen[name] then seen[name], packs[#packs + 1] = true, name end
      end
    end
  end
  local found = fields(P .. 'jobs', seqs)
  Pack.open_all(packs)
  for k = 1, #seqs do recs[seqs[k]] = found[k] end
  return recs, packs
end

-- Marks `n` jobs of a pack from the place `at` on that a token gives: by place, what they are sorted by. The key of the next
-- job, nil when there are too few.
local function pick_packed(p, at, number, n, key, s)
  local picked, who, size, find, last = p.picked, p.who, p.n, string.find, nil
  if at < 0 then return nil end
  if at < p.low then p.low = at end
  for _ = 1, n do
    if not at or at >= size then return nil end
    picked[at], last = key, at
    key = key < ROUND and ROUND + s.order or key + ROUND
    if who then
      at = find(who, number, at + 2, true)
      at = at and at - 1
    else
      at = at + 1
    end
  end
  if last > p.high then p.high = last end
  s.after = at
  return key
end

-- Whether a pack may be taken from by tokens of `length` bytes.
local function fits(request, p, length)
  if not p then return false end
  if p.fits == nil then
    p.fits = Lot.plain_pack(request.kinds, p, 0, 1) or false
    p.picked, p.low, p.high = {}, p.n, -1
  end
  return p.fits and (p.who ~= nil) == (length == 27)
end

-- Goes through the tokens of a share: picks, and finds out what is left of its list.
local function pick(request, s, recs, singles)
  local left, at, key = s.take, 0, s.late and s.place or ROUND + s.order
  while left > 0 do
    at = at + 1
    local token = s.tokens[at]
    if #token == 16 then
      local seq = sub(token, 9, 16)
      if not Lot.plain_single(request.kinds, recs[seq]) then return false end
      singles[#singles + 1] = { seq = seq, rec = recs[seq], key = key }
      key = key < ROUND and ROUND + s.order or key + ROUND
      left = left - 1
    else
      local first, name, many = unpack_('>I8c8I2', token, 9)
      local p = opened[name]
      if not fits(request, p, #token) then return false end
      key = pick_packed(p, first - p.first, sub(token, 27), many < left and many or left, key, s)
      if not key then return false end
      if left < many then
        if not s.after then return false end
        s.cut = Fresh.rest_of(token, p, s.after, left)
      end
      left = left - many
    end
  end
  s.whole = s.cut and at - 1 or at
  return true
end

-- Takes what was picked of a pack: run by run, or all at once where it is scattered.
local function take_picked(lot, p, keys)
  local picked, places, runs, before = p.picked, {}, 0, nil
  for at = p.low, p.high do
    local key = picked[at]
    if key then
      keys[#keys + 1], places[#places + 1] = key, at
      if before ~= at - 1 then runs = runs + 1 end
      before = at
    end
  end
  local n = #places
  if runs > 3 then return Lot.take_scattered(lot, p, places) end
  local first = 1
  for k = 1, n do
    if places[k + 1] ~= places[k] + 1 then
      if not Lot.take_packed(lot, p, places[first], k - first + 1) then return false end
      first = k + 1
    end
  end
  return true
end

-- The keys as the worker gets them: '' when they ascend.
local function order_of(keys)
  local ascend = true
  for k = 2, #keys do
    if keys[k] < keys[k - 1] then ascend = false; break end
  end
  if ascend then return '' end
  local parts = {}
  for k = 1, #keys do parts[k] = pack('>I4', keys[k]) end
  return concat(parts)
end

-- What is taken off all turns, because only differences matter: then those that went round once more than the others keep the
-- turns that are written, and the others get new ones. Worth it when they are fewer.
local function to_rebase(c, order, served)
  local more, less = 0, 0
  for k = 1, #order do
    local s = order[k]
    local turn = s.take > 0 and s.next or s.turn
    if s.jobs > s.take and turn < served then return 0 end
    if s.jobs > s.take and turn == served then less = less + 1 else more = more + 1 end
  end
  return less < more and served - last_turn(c.b) or 0
end

-- Writes what is left of the lists, counts, and the next turns.
local function write_turns(c, order, served, all)
  local by = all and to_rebase(c, order, served) or 0
  local set, lost, turns = {}, {}, {}
  for k = 1, #order do
    local s = order[k]
    if s.take > 0 then
      local head = Fresh.drop(c.queue, c.prio, s.share, s.whole, s.cut)
      if head then set[#set + 1], set[#set + 2] = s.share, head else lost[#lost + 1] = s.share end
      local known_ = c.b.shares[s.share]
      known_.change = known_.change - s.take
      hold_share(c.queue, s.share, s.take)
    end
    local turn = (s.take > 0 and s.next or s.turn) - by
    if s.take < s.jobs and turn ~= s.turn then turns[#turns + 1], turns[#turns + 2] = turn, s.share end
  end
  Fresh.set_heads(c.queue, c.prio, set, lost)
  bulk('ZADD', c.b.t, turns)
  c.b.served = served - by
end

-- The usual case with keys: one priority with nothing but fresh jobs, without expiry, of kinds the worker knows. nil, with
-- nothing done, when any of them is not so.
function Lot.collect_turns(request, c)
  if not c or c.only or c.in_lanes then return nil end
  local shares, all = next_shares(c, request.max)
  if not shares then return nil end
  if c.gate then limit(c.gate, shares) end
  local able = 0
  for k = 1, #shares do
    if shares[k].most > 0 then able = able + 1 end
  end
  if not all and able < request.max then return nil end
  local order, served = share_out(shares, last_turn(c.b), request.max)
  for k = 1, #order do order[k].order = k end
  local recs, packs = find_tokens(c, order)
  if not recs then return nil end
  local lot, keys, singles = Lot.new(), {}, {}
  for k = 1, #order do
    if order[k].take > 0 and not pick(request, order[k], recs, singles) then return nil end
  end
  for k = 1, #packs do
    if not take_picked(lot, Pack.open(packs[k]), keys) then return nil end
  end
  for k = 1, #singles do
    Lot.take_single(lot, singles[k].seq, singles[k].rec)
    keys[#keys + 1] = singles[k].key
  end
  if lot.bytes > Lot.MOST_BYTES then return nil end
  write_turns(c, order, served, all)
  if c.gate then count_starts(c.gate, shares) end
  lot.order = order_of(keys)
  return lot
end

end
