-- Settlements.

-- Completions, 24 bytes each (fence, id), of jobs without key or group are written in a few large commands. Returns one
-- character each: '1' applied, '0' lost.
local function complete(packed)
  local n, answers, found, seqs = #packed / 24, {}, {}, {}
  for i = 1, n do
    local at = (i - 1) * 24
    local fence8 = sub(packed, at + 1, at + 8)
    local b, index, seq = lease(fence8)
    answers[i] = '0'
    if b then
      close(b, index)
      seqs[#seqs + 1] = seq
      found[#seqs] = { b, index, fence8, sub(packed, at + 9, at + 24), i }
    end
  end
  local recs = fields(P .. 'jobs', seqs)
  local jobs, done, bytes, slow, stops = {}, {}, 0, {}, call('EXISTS', P .. 'stop') == 1
  for i = 1, #seqs do
    local rec, f = recs[i], found[i]
    local b = f[1]
    if not sound(rec) or sub(rec, 56, 71) ~= f[4] then
      reopen(b, f[2])
    else
      answers[f[5]] = '1'
      count(b.queue, 'R', -1)
      if has(byte(rec, 5), FAIR) then hold_share(b.queue, share_of(parse(seqs[i], rec)), -1) end
      if byte(rec, 5) % 4 ~= 0 then
        slow[#slow + 1] = i
      else
        jobs[#jobs + 1] = seqs[i]
        jobs[#jobs + 1] = concat({ 'jC-', sub(rec, 4, 31), f[3], b.started, now8, sub(rec, 56) })
        done[#done + 1] = seqs[i]
        local kind = byte(rec, 72)
        local queue = byte(rec, 73 + kind)
        local extra = 74 + kind + queue
        local high, low = byte(rec, extra, extra + 1)
        bytes = bytes + #rec - extra - 1 - high * 256 - low
        if has(byte(rec, 5), ERROR) then bytes = bytes + call('HSTRLEN', P .. 'errors', seqs[i]) end
        count(b.queue, 'C', 1)
        if stops then call('HDEL', P .. 'stop', seqs[i]) end
      end
    end
  end
  bulk('HSET', P .. 'jobs', jobs)
  if #done > 0 then shelve('c', concat(done), bytes) end
  for i = 1, #slow do
    local f = found[slow[i]]
    local job = parse(seqs[slow[i]], recs[slow[i]])
    job.fence, job.started = f[3], f[1].started
    leave(job, 'C', {})
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
      set_entry(b, index, '1' .. seq .. s64(deadline))
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
