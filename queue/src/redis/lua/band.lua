-- The available jobs of one queue and priority, in the order of serving.

-- Whether the worker can perform jobs of a kind and version.
local function can(kinds, kind, version)
  local max = kinds[kind]
  if not max then return false end
  local high, low = byte(version, 1, 2)
  return high * 256 + low <= max
end

-- ---- one share: its jobs oldest first, from its list of fresh jobs and from lanes

-- The next member of a lane, read with its record a few at a time.
local function next_member(c, lane)
  local member = lane.members and lane.members[lane.at]
  if member or not lane.more then return member end
  lane.members, lane.at = call('ZRANGEBYLEX', c.z, lane.from, '(' .. lane.name .. '\255', 'LIMIT', 0, c.few), 1
  lane.more = #lane.members == c.few
  local seqs = {}
  for i = 1, #lane.members do seqs[i] = sub(lane.members[i], -8) end
  lane.recs = fields(P .. 'jobs', seqs)
  if #seqs > 0 then lane.from = '(' .. lane.members[#seqs] end
  return lane.members[1]
end

local function open_share(c, share)
  local s = { share = share, entries = {}, at = 1, trimmed = 0, removed = 0, looks = 0, lanes = {}, more = true }
  for _, breed in ipairs(c.breeds) do
    local lane = { breed = breed, name = lane_of(share, breed), more = true }
    lane.from = '[' .. lane.name
    if next_member(c, lane) then s.lanes[#s.lanes + 1] = lane end
  end
  return s
end

-- Removes what was taken from the list so far: whole tokens, and the beginning of the next.
local function trim(c, s)
  local last = s.at - 1
  if last <= s.trimmed then return end
  local one = s.entries[last]
  local whole = one.left > 0 and one.nth - 1 or one.nth
  local head = Fresh.drop(c.queue, c.prio, s.share, whole - s.removed, one.rest)
  if s.share ~= '' then Fresh.set_head(c.queue, c.prio, s.share, head) end
  s.removed, s.trimmed = whole, last
end

-- A record that is gone or damaged: kept apart for whoever looks.
local function set_aside(c, share, seq, rec)
  if rec then
    call('HSET', P .. 'damaged', seq, rec)
    call('HDEL', P .. 'jobs', seq)
  end
  count(c.queue, 'A', -1)
  mark(c.queue, c.prio, share, -1)
end

-- A pack that cannot be read: `n` jobs of a share that wait. Each share comes upon it once.
local function set_pack_aside(c, share, name, n)
  if call('HEXISTS', P .. 'packs', name) == 1 then
    Pack.set_aside(name)
  elseif call('HEXISTS', P .. 'damaged', 'pack:' .. name) == 0 then
    return
  end
  count(c.queue, 'A', -n)
  mark(c.queue, c.prio, share, -n)
end

-- Entries for the jobs of a pack's token: the token of the job, the one of the list it comes from (which one, how many jobs are
-- left after this one, what is left of it), the record if it is still there.
local function unfold(c, s, token, nth)
  local name, many, n = sub(token, 17, 24), Fresh.jobs_in(token), #s.entries
  local p = Pack.open(name)
  if not p or not Pack.is_whole(p) then
    set_pack_aside(c, s.share, name, many)
    s.entries[n + 1] = { token = sub(token, 1, 16), nth = nth, left = 0 }
    return
  end
  local places = Fresh.places(token, p, math.min(many, c.few - n))
  for k = 1, math.min(#places, many, c.few - n) do
    local place, one = places[k], { nth = nth, left = places[k + 1] and many - k or 0 }
    one.token = sub(token, 1, 8) .. s64(p.first + place)
    if one.left > 0 then one.rest = Fresh.rest_of(token, p, places[k + 1], k) end
    if not Pack.has_left(p, place) then
      one.pack, one.index, one.rec = p, place, Pack.record(p, place)
    end
    s.entries[n + k] = one
  end
end

-- Reads the next tokens of the list.
local function refill(c, s)
  trim(c, s)
  local tokens, seqs, single = Fresh.tokens(c.queue, c.prio, s.share, c.few), {}, {}
  s.entries, s.at, s.trimmed, s.removed = {}, 1, 0, 0
  for nth = 1, #tokens do
    if #s.entries >= c.few then break end
    if #tokens[nth] > 16 then
      unfold(c, s, tokens[nth], nth)
    else
      local one = { token = tokens[nth], nth = nth, left = 0 }
      s.entries[#s.entries + 1] = one
      seqs[#seqs + 1], single[#single + 1] = sub(tokens[nth], 9, 16), one
    end
  end
  s.more = #s.entries >= c.few
  local recs = fields(P .. 'jobs', seqs)
  for k = 1, #recs do single[k].rec = recs[k] end
  return s.entries[1]
end

-- The next fresh job; drops what is no longer there, sets aside what the worker does not know.
local function fresh(c, s)
  while true do
    local one = s.entries[s.at]
    if not one then
      if not s.more or s.looks >= 4 * PIECE then return nil end
      one = refill(c, s)
      if not one then return nil end
    end
    local rec = one.rec
    if sound(rec) and byte(rec, 2) == 65 and byte(rec, 3) == 76 then
      if can(c.kinds, kind_of(rec), sub(rec, 6, 7)) then return one end
      local job = parse(sub(one.token, 9, 16), rec)
      job.pack, job.index = one.pack, one.index
      enter_lane(job, s.share)
      save(job)
    elseif rec and not sound(rec) then
      set_aside(c, s.share, sub(one.token, 9, 16), rec)
    end
    s.at, s.looks = s.at + 1, s.looks + 1
  end
end

-- The oldest job: token, record, due, the pack and place it comes from, and the lane it stands in (nil: the list).
local function head(c, s)
  if s.head then return s.head end
  local one = fresh(c, s)
  local token, from = one and one.token, nil
  for i = 1, #s.lanes do
    local lane = s.lanes[i]
    local member = next_member(c, lane)
    if member then
      local other = sub(member, -16)
      if not token or Fresh.before(other, token) then token, from = other, lane end
    end
  end
  if not token then return nil end
  s.head = { token = token, seq = sub(token, 9, 16), lane = from, due = u64(sub(token, 1, 8)) }
  if from then
    s.head.rec = from.recs[from.at]
  else
    s.head.rec, s.head.pack, s.head.index = one.rec, one.pack, one.index
  end
  return s.head
end

-- Steps over the head, which has left (`withdrawn`) or leaves with this call.
local function step(c, s, withdrawn)
  local h = s.head
  s.head = nil
  if h.lane then
    if not withdrawn then
      c.left[#c.left + 1] = h.lane.members[h.lane.at]
      c.gone[h.lane.breed] = (c.gone[h.lane.breed] or 0) + 1
    end
    h.lane.at = h.lane.at + 1
  else
    s.at = s.at + 1
  end
end

-- ---- all shares of one priority, by turn

local function open_band(request, prio)
  local c = { queue = request.queue, prio = prio, kinds = request.kinds, need = request.max, breeds = {},
    b = band(request.queue, prio), gate = gate(request.queue), first = 1, turns = {}, fetched = 0, moved = {},
    z = queue_key(request.queue, 'z' .. prio), left = {}, gone = {}, few = request.max,
    all = {}, again = {}, again_first = 1 }
  local breeds = call('HKEYS', queue_key(c.queue, 'n' .. prio))
  c.in_lanes = #breeds > 0
  for _, breed in ipairs(breeds) do
    if can(c.kinds, sub(breed, 2, 1 + byte(breed, 1)), sub(breed, -2)) then c.breeds[#c.breeds + 1] = breed end
  end
  if c.b.keyed then
    c.more = true
    c.few = math.ceil(c.need / math.max(1, call('ZCARD', c.b.t))) + 1
  else
    c.only = open_share(c, '')
  end
  return c
end

-- The bytes of a share as numbers of six, which compare faster than bytes; strings would be compared by the server's locale.
local function rank_of(share)
  local rank, text = {}, share .. string.rep('\0', -#share % 6)
  for at = 1, #text, 6 do rank[#rank + 1] = unpack_('>I6', sub(text, at, at + 5)) end
  return rank
end

local function comes_before(one, other)
  if one.turn ~= other.turn then return one.turn < other.turn end
  local a, b = one.rank, other.rank
  for i = 1, math.min(#a, #b) do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return #one.share < #other.share
end

-- Reads the next shares by turn; their order is the server's: by turn, then by bytes.
local function fetch(c)
  local n = math.max(64, c.need)
  local some = call('ZRANGE', c.b.t, c.fetched, c.fetched + n - 1, 'WITHSCORES')
  for i = 1, #some, 2 do
    c.top = tonumber(some[i + 1])
    local one = { share = some[i], turn = c.top, rank = rank_of(some[i]) }
    c.turns[#c.turns + 1] = one
    c.all[#c.all + 1] = one
  end
  c.fetched = c.fetched + #some / 2
  c.more = #some == 2 * n
end

-- The share whose turn is least and the list it heads: those not yet served by this call, or those served, whose turns
-- only grow.
local function least(c)
  local one, again = c.turns[c.first], c.again[c.again_first]
  while c.more and (not one or (again and again.turn >= c.top)) do
    fetch(c)
    one = c.turns[c.first]
    if one and not (again and comes_before(again, one)) then break end
  end
  if again and (not one or comes_before(again, one)) then return again, true end
  return one, false
end

local function drop(c, again)
  if again then c.again_first = c.again_first + 1 else c.first = c.first + 1 end
end

-- The share to be served next, with its head, or nil.
local function pick(c)
  if c.only then return head(c, c.only) and c.only end
  while true do
    local one, again = least(c)
    if not one then return nil end
    one.stream = one.stream or open_share(c, one.share)
    if head(c, one.stream) and (not c.gate or may_start(c.gate, one.share)) then return one.stream end
    drop(c, again)
  end
end

-- Counts a job of the share that was picked: its turn moves on.
local function serve(c)
  if c.only then return end
  local one, again = least(c)
  drop(c, again)
  c.b.served = math.max(last_turn(c.b), one.turn)
  one.turn = c.b.served + 1
  c.moved[one.share] = one.turn
  local at = #c.again + 1
  while at > c.again_first and comes_before(one, c.again[at - 1]) do
    c.again[at] = c.again[at - 1]
    at = at - 1
  end
  c.again[at] = one
end

-- When the oldest job that may be served was due, or nil. Looks at the head of every share.
local function oldest(c)
  if c.only then
    local h = head(c, c.only)
    return h and h.due
  end
  while c.more do fetch(c) end
  local due
  local function look(one)
    one.stream = one.stream or open_share(c, one.share)
    local h = head(c, one.stream)
    if h and (not due or h.due < due) and (not c.gate or may_start(c.gate, one.share)) then due = h.due end
  end
  for i = c.first, #c.turns do look(c.turns[i]) end
  for i = c.again_first, #c.again do look(c.again[i]) end
  return due
end

local function each_stream(c, visit)
  if c.only then return visit(c.only) end
  for _, one in ipairs(c.all) do
    if one.stream then visit(one.stream) end
  end
end

local function trim_band(c)
  each_stream(c, function(s) trim(c, s) end)
end

-- Writes back what serving changed; whether jobs were left unlooked at.
local function close_band(c)
  local cut = false
  each_stream(c, function(s)
    trim(c, s)
    if s.looks >= 4 * PIECE then cut = true end
  end)
  local turns = {}
  for share, turn in pairs(c.moved) do
    turns[#turns + 1] = turn
    turns[#turns + 1] = share
  end
  bulk('ZADD', c.b.t, turns)
  bulk('ZREM', c.z, c.left)
  local breeds = queue_key(c.queue, 'n' .. c.prio)
  for breed, n in pairs(c.gone) do
    if call('HINCRBY', breeds, breed, -n) <= 0 then call('HDEL', breeds, breed) end
  end
  return cut
end
