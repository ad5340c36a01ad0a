-- The available jobs of one queue and priority, in the order of serving.

-- Whether the worker can perform jobs of a kind and version.
local function can(kinds, kind, version)
  local max = kinds[kind]
  if not max then return false end
  local high, low = byte(version, 1, 2)
  return high * 256 + low <= max
end

-- ---- one share: its jobs oldest first, from the list of fresh jobs and from lanes

local function open_share(c, share)
  local s = { share = share, tokens = {}, recs = {}, at = 1, passed = 0, looks = 0, lanes = {}, more = true }
  if share == '' then s.list = queue_key(c.queue, 'f' .. c.prio) end
  for _, breed in ipairs(c.breeds) do
    local lane = lane_of(share, breed)
    local members = call('ZRANGEBYLEX', queue_key(c.queue, 'z' .. c.prio), '[' .. lane, '(' .. lane .. '\255',
      'LIMIT', 0, c.need)
    if #members > 0 then s.lanes[#s.lanes + 1] = { breed = breed, members = members, at = 1 } end
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

-- A record that is gone or damaged: kept apart for whoever looks.
local function set_aside(c, share, seq, rec)
  if rec then
    call('HSET', P .. 'damaged', seq, rec)
    call('HDEL', P .. 'jobs', seq)
  end
  count(c.queue, 'A', -1)
  mark(c.queue, c.prio, share, -1)
end

local function refill(c, s)
  trim(s)
  s.tokens, s.recs, s.at = call('LRANGE', s.list, 0, c.need - 1), {}, 1
  s.more = #s.tokens == c.need
  local seqs = {}
  for i = 1, #s.tokens do seqs[i] = sub(s.tokens[i], 9, 16) end
  s.recs = fields(P .. 'jobs', seqs)
  return s.tokens[1]
end

-- The next fresh job; drops what is no longer there, sets aside what the worker does not know.
local function fresh(c, s)
  while s.list do
    local token = s.tokens[s.at]
    if not token then
      if not s.more or s.looks >= 4 * PIECE then return nil end
      token = refill(c, s)
      if not token then return nil end
    end
    local rec = s.recs[s.at]
    if sound(rec) and byte(rec, 2) == 65 and byte(rec, 3) == 76 then
      if can(c.kinds, kind_of(rec), sub(rec, 6, 7)) then return token, rec end
      local job = parse(sub(token, 9, 16), rec)
      enter_lane(job, '')
      save(job)
    elseif rec and not sound(rec) then
      set_aside(c, '', sub(token, 9, 16), rec)
    end
    s.at, s.passed, s.looks = s.at + 1, s.passed + 1, s.looks + 1
  end
end

-- The oldest job: token, record, due, and the lane it stands in (nil: the list).
local function head(c, s)
  if s.head then return s.head end
  local token, rec = fresh(c, s)
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
  s.head = { token = token, seq = sub(token, 9, 16), rec = rec, lane = from, due = u64(sub(token, 1, 8)) }
  return s.head
end

-- Steps over the head, which has left (`withdrawn`) or leaves with this call.
local function step(c, s, withdrawn)
  local h = s.head
  s.head = nil
  if h.lane then
    h.lane.at = h.lane.at + 1
    if not withdrawn then leave_lane(c.queue, c.prio, s.share, h.lane.breed, h.token) end
  else
    s.at, s.passed = s.at + 1, s.passed + 1
  end
end

-- ---- all shares of one priority, by turn

local function open_band(request, prio)
  local c = { queue = request.queue, prio = prio, kinds = request.kinds, need = request.max, breeds = {},
    b = band(request.queue, prio), gate = gate(request.queue), first = 1, turns = {}, fetched = 0, moved = {} }
  for _, breed in ipairs(call('HKEYS', queue_key(c.queue, 'n' .. prio))) do
    if can(c.kinds, sub(breed, 2, 1 + byte(breed, 1)), sub(breed, -2)) then c.breeds[#c.breeds + 1] = breed end
  end
  if c.b.keyed then c.more = true else c.only = open_share(c, '') end
  return c
end

-- Reads the next shares by turn; their order is the server's: by turn, then by bytes.
local function fetch(c)
  local n = math.max(64, c.need)
  local some = call('ZRANGE', c.b.t, c.fetched, c.fetched + n - 1, 'WITHSCORES')
  for i = 1, #some, 2 do
    c.top = tonumber(some[i + 1])
    c.turns[#c.turns + 1] = { share = some[i], turn = c.top }
  end
  c.fetched = c.fetched + #some / 2
  c.more = #some == 2 * n
end

local function bytes_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = byte(a, i), byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- The share to be served next, with its head, or nil.
local function pick(c)
  if c.only then return head(c, c.only) and c.only end
  while true do
    local one = c.turns[c.first]
    while c.more and (not one or one.turn >= c.top) do
      fetch(c)
      one = c.turns[c.first]
    end
    if not one then return nil end
    one.stream = one.stream or open_share(c, one.share)
    if head(c, one.stream) and (not c.gate or may_start(c.gate, one.share)) then return one.stream end
    c.first = c.first + 1
  end
end

-- Counts a job of the share that was picked: its turn moves on.
local function serve(c)
  if c.only then return end
  local one = c.turns[c.first]
  c.b.served = math.max(last_turn(c.b), one.turn)
  one.turn = c.b.served + 1
  c.moved[one.share] = one.turn
  local at = c.first
  while true do
    local other = c.turns[at + 1]
    if not other or other.turn > one.turn or (other.turn == one.turn and bytes_before(one.share, other.share)) then
      break
    end
    c.turns[at] = other
    at = at + 1
  end
  c.turns[at] = one
end

-- When the oldest job that may be served was due, or nil. Looks at the head of every share.
local function oldest(c)
  if c.only then
    local h = head(c, c.only)
    return h and h.due
  end
  while c.more do fetch(c) end
  local due
  for i = c.first, #c.turns do
    local one = c.turns[i]
    one.stream = one.stream or open_share(c, one.share)
    local h = head(c, one.stream)
    if h and (not due or h.due < due) and (not c.gate or may_start(c.gate, one.share)) then due = h.due end
  end
  return due
end

local function each_stream(c, visit)
  if c.only then return visit(c.only) end
  for i = 1, #c.turns do
    if c.turns[i].stream then visit(c.turns[i].stream) end
  end
end

local function trim_band(c)
  each_stream(c, function(s) trim(s) end)
end

-- Writes back what serving changed; whether jobs were left unlooked at.
local function close_band(c)
  local cut = false
  each_stream(c, function(s)
    trim(s)
    if s.looks >= 4 * PIECE then cut = true end
  end)
  for share, turn in pairs(c.moved) do call('ZADD', c.b.t, turn, share) end
  return cut
end
