-- Settlements.

-- Reads runs of completions (first fence, two bytes how many, ids) of leases that follow each other. Closes those that are
-- open; their places in the answer, orders of arrival, fences, bundles and where their ids stand.
local function read_runs(packed)
  local found = { place = {}, seq = {}, fence = {}, b = {}, id = {} }
  local at, place, n = 1, 0, 0
  while at < #packed do
    local fence, many = u64(sub(packed, at, at + 7)), unpack_('>I2', sub(packed, at + 8, at + 9))
    local number = math.floor(fence / SPREAD)
    local b, index = bundle(number), fence - number * SPREAD
    for i = 0, many - 1 do
      if b and index + i < b.size and is_open(b, index + i) then
        n = n + 1
        found.place[n], found.seq[n], found.fence[n] = place + i + 1, seq_at(b, index + i), fence + i
        found.b[n], found.id[n] = b, at + 10 + i * 16
      end
    end
    if b and string.find(sub(b.flags, index + 1, index + many), '0', 1, true) == nil and index + many <= b.size then
      set_flags(b, index, many, '0')
    elseif b then
      for i = 0, many - 1 do
        if index + i < b.size and is_open(b, index + i) then close(b, index + i) end
      end
    end
    at, place = at + 10 + many * 16, place + many
  end
  return found, place
end

-- Completions of jobs without unique key or group are written in a few large commands. Returns one character each: '1'
-- applied, '0' lost.
local function complete(packed)
  local found, total = read_runs(packed)
  local seqs, recs = found.seq, fields(P .. 'jobs', found.seq)
  local jobs, done, bytes, slow, lost = {}, {}, 0, {}, {}
  local stops = call('EXISTS', P .. 'stop') == 1
  local b, tail
  for i = 1, #seqs do
    local rec = recs[i]
    if b ~= found.b[i] then
      b = found.b[i]
      tail = b.started .. now8
      b.done = b.done or 0
    end
    local state, _, flags, _, kind, payload = shape(rec)
    if not state or sub(rec, 56, 71) ~= sub(packed, found.id[i], found.id[i] + 15) then
      set_flags(b, found.fence[i] - b.number * SPREAD, 1, '1')
      lost[found.place[i]] = true
    else
      if flags ~= 0 then
        count(b.queue, 'R', -1)
        if flags == FAIR then
          hold_share(b.queue, sub(rec, 77 + kind + byte(rec, 73 + kind), payload - 1), -1)
        elseif has(flags, FAIR) then
          hold_share(b.queue, share_of(parse(seqs[i], rec)), -1)
        end
      end
      if flags % 4 ~= 0 then
        slow[#slow + 1] = i
      else
        local n = #done + 1
        done[n] = seqs[i]
        jobs[2 * n - 1] = seqs[i]
        jobs[2 * n] = 'jC-' .. sub(rec, 4, 31) .. pack('>I8', found.fence[i]) .. tail .. sub(rec, 56)
        bytes = bytes + #rec - payload + 1
        if flags ~= 0 and has(flags, ERROR) then bytes = bytes + call('HSTRLEN', P .. 'errors', seqs[i]) end
        if flags == 0 then b.done = b.done + 1 else count(b.queue, 'C', 1) end
        if stops then call('HDEL', P .. 'stop', seqs[i]) end
      end
    end
  end
  for _, one in pairs(bundles) do
    if one and one.done then
      count(one.queue, 'R', -one.done)
      count(one.queue, 'C', one.done)
      one.done = nil
    end
  end
  bulk('HSET', P .. 'jobs', jobs)
  if #done > 0 then shelve('c', concat(done), bytes) end
  for k = 1, #slow do
    local i = slow[k]
    local job = parse(seqs[i], recs[i])
    job.fence, job.started = s64(found.fence[i]), found.b[i].started
    leave(job, 'C', {})
  end
  if #seqs == total and next(lost) == nil then return string.rep('1', total) end
  local answers = {}
  for i = 1, total do answers[i] = '0' end
  for i = 1, #seqs do
    if not lost[found.place[i]] then answers[found.place[i]] = '1' end
  end
  return concat(answers)
end

local function uuid(id)
  local hex = {}
  for i = 1, 16 do hex[i] = string.format('%02x', byte(id, i)) end
  local text = concat(hex)
  return concat({ sub(text, 1, 8), sub(text, 9, 12), sub(text, 13, 16), sub(text, 17, 20), sub(text, 21) }, '-')
end

local function later(delay)
  local due = now + tonumber(delay)
  return s64(due), due <= now
end

-- One settlement with everything: { fence..id, outcome, delay, error, requests, tallies (name, amount in turns) }.
local function settle_one(one)
  local fence8 = sub(one.key, 1, 8)
  local b, index, seq = lease(fence8)
  if not b then return '0' end
  local rec = call('HGET', P .. 'jobs', seq)
  if not sound(rec) or sub(rec, 56, 71) ~= sub(one.key, 9) then return '0' end
  close(b, index)
  local job = parse(seq, rec)
  job.fence, job.started = fence8, b.started
  count(job.queue, 'R', -1)
  hold_share(job.queue, share_of(job), -1)
  local outcome, reason = one.outcome, one.error
  local at, group = missing_group(one.requests, 1)
  if at then
    local id = sub(one.requests[at], 56, 71)
    outcome = 'D'
    reason = 'follow-on: invalid request: job ' .. uuid(id) .. ': group ' .. uuid(group) .. ' was never opened'
    one.requests, one.tallies = {}, {}
  end
  if has(job.flags, GROUP) and #one.tallies > 0 and group_exists(extras(job).group) then
    for i = 1, #one.tallies, 2 do tally(extras(job).group, one.tallies[i], one.tallies[i + 1]) end
  end
  local state, due = outcome, job.due
  if outcome == 'R' or outcome == 'S' then
    local at_once
    due, at_once = later(one.delay)
    state = at_once and 'A' or 'T'
  elseif outcome == 'H' then
    state = 'A'
  end
  if outcome == 'R' or outcome == 'D' then job.errors = job.errors + 1 end
  if not is_final(state) and call('HEXISTS', P .. 'stop', seq) == 1 then
    state, due, reason, outcome = 'X', job.due, CANCELLED, 'X'
  end
  if outcome == 'R' or outcome == 'D' or outcome == 'X' then set_error(job, reason) end
  job.due = due
  leave(job, state, one.requests)
  return '1'
end

-- Reads settlements from the arguments: 'p', packed completions; or 'r', how many, then each with its parts; or ''.
-- Returns the answers and the index of the first argument after them.
local function settle_from(args, at)
  local mode = args[at]
  if mode == '' then return '', at + 1 end
  if mode == 'p' then return complete(args[at + 1]), at + 2 end
  local answers = {}
  local n = tonumber(args[at + 1])
  at = at + 2
  for i = 1, n do
    local one = { key = args[at], outcome = args[at + 1], delay = args[at + 2], error = args[at + 3],
      requests = {}, tallies = {} }
    local requests, tallies = tonumber(args[at + 4]), tonumber(args[at + 5])
    at = at + 6
    for k = 1, requests do one.requests[k] = args[at + k - 1] end
    at = at + requests
    for k = 1, 2 * tallies do one.tallies[k] = args[at + k - 1] end
    at = at + 2 * tallies
    answers[i] = settle_one(one)
  end
  return concat(answers), at
end

API.settle = function(keys, args)
  begin(keys, args[1])
  local answers = settle_from(args, 2)
  flush_bundles()
  finish()
  return answers
end

-- time, lease in ms, leases of 24 bytes: one character each, 'r' renewed, 'c' asked to stop, 'l' lost.
API.renew = function(keys, args)
  begin(keys, args[1])
  local deadline, packed = now + tonumber(args[2]), args[3]
  local answers, stops = {}, call('EXISTS', P .. 'stop') == 1
  for i = 1, #packed / 24 do
    local at = (i - 1) * 24
    local b, index, seq = lease(sub(packed, at + 1, at + 8))
    local rec = b and call('HGET', P .. 'jobs', seq)
    if rec and sub(rec, 56, 71) == sub(packed, at + 9, at + 24) then
      set_deadline(b, index, s64(deadline))
      call('ZADD', P .. 'leases', 'LT', deadline, b.name)
      answers[i] = stops and call('HEXISTS', P .. 'stop', seq) == 1 and 'c' or 'r'
    else
      answers[i] = 'l'
    end
  end
  flush_bundles()
  finish()
  return concat(answers)
end
