-- Settlements.

local complete

do -- a scope of its own: Lua allows 200 local names at once

-- What a call completes, gathered: runs of jobs of packs, as `ran` and the shelf have them; bytes and jobs of these; leases
-- of jobs with records of their own (place in the answer, order of arrival, bundle, index).
local function end_packed(done, b, run, from, n)
  local first = s64(run.first + from - run.at)
  local two = pack('>I2', n)
  local k = #done.ran
  done.ran[k + 1] = first
  done.ran[k + 2] = now8 .. b.started .. s64(b.number * SPREAD + from) .. two
  done.runs[#done.runs + 1] = first .. two
  local at = run.ends + 4 * (from - run.at)
  local upto = at + 4 * n
  done.bytes = done.bytes + unpack_('>I4', sub(b.raw, upto, upto + 3)) - unpack_('>I4', sub(b.raw, at, at + 3))
  done.n = done.n + n
  count(b.queue, 'R', -n)
  count(b.queue, 'C', n)
  if done.stops then
    for past = 0, n - 1 do call('HDEL', P .. 'stop', s64(run.first + from - run.at + past)) end
  end
end

-- Closes `n` open leases from `index` on.
local function close_leases(done, b, index, n, place)
  set_flags(b, index, n, '0')
  for _, run in ipairs(b.runs) do
    local from, to = math.max(index, run.at), math.min(index + n, run.at + run.n)
    if from < to and run.pack then
      end_packed(done, b, run, from, to - from)
    elseif from < to then
      for at = from, to - 1 do
        local seq = run.seqs + 8 * (at - run.at)
        done.singles[#done.singles + 1] = { place = place + at - index, seq = sub(b.raw, seq, seq + 7), b = b, index = at }
      end
    end
  end
end

-- Reads completions: runs of leases that follow each other (first fence, two bytes how many, ids). Closes those that are
-- open; one character each, '1' closed, '0' lost.
local function close_all(done, packed)
  local at, total, answers = 1, 0, {}
  while at < #packed do
    local fence, many = u64(sub(packed, at, at + 7)), unpack_('>I2', sub(packed, at + 8, at + 9))
    local number = math.floor(fence / SPREAD)
    local b, index, ids = bundle(number), fence - number * SPREAD, at + 10
    local function shown(i, n)
      return b and index + i + n <= b.size
        and sub(b.flags, index + i + 1, index + i + n) == string.rep('1', n)
        and sub(b.raw, b.ids + 16 * (index + i) + 1, b.ids + 16 * (index + i + n)) == sub(packed, ids + 16 * i, ids + 16 * (i + n) - 1)
    end
    if shown(0, many) then
      close_leases(done, b, index, many, total)
      answers[#answers + 1] = string.rep('1', many)
    else
      for i = 0, many - 1 do
        local open = shown(i, 1)
        if open then close_leases(done, b, index + i, 1, total + i) end
        answers[#answers + 1] = open and '1' or '0'
      end
    end
    at, total = ids + many * 16, total + many
  end
  return concat(answers)
end

-- Completes a job with a record of its own; its lease stays open, and false, when that is damaged. Jobs without unique key
-- or group are gathered, too.
local function end_single(done, one, rec)
  local b = one.b
  local state, _, flags, _, kind, payload = shape(rec)
  if not state then
    set_flags(b, one.index, 1, '1')
    return false
  end
  count(b.queue, 'R', -1)
  if flags == FAIR then
    hold_share(b.queue, sub(rec, 77 + kind + byte(rec, 73 + kind), payload - 1), -1)
  elseif has(flags, FAIR) then
    hold_share(b.queue, share_of(parse(one.seq, rec)), -1)
  end
  if flags % 4 ~= 0 then
    done.slow[#done.slow + 1] = { one = one, rec = rec }
    return true
  end
  local fence8, k = s64(b.number * SPREAD + one.index), #done.jobs
  done.jobs[k + 1] = one.seq
  done.jobs[k + 2] = 'jC-' .. sub(rec, 4, 31) .. fence8 .. b.started .. now8 .. sub(rec, 56)
  done.runs[#done.runs + 1] = one.seq .. ONE
  done.n, done.bytes = done.n + 1, done.bytes + #rec - payload + 1
  if has(flags, ERROR) then done.bytes = done.bytes + call('HSTRLEN', P .. 'errors', one.seq) end
  count(b.queue, 'C', 1)
  if done.stops then call('HDEL', P .. 'stop', one.seq) end
  return true
end

-- Completions, written in a few large commands; but jobs with a unique key or group each on their own. Returns one character
-- each: '1' applied, '0' lost.
complete = function(packed)
  local done = { ran = {}, runs = {}, jobs = {}, singles = {}, slow = {}, bytes = 0, n = 0,
    stops = call('EXISTS', P .. 'stop') == 1 }
  local answers = close_all(done, packed)
  local seqs = {}
  for k = 1, #done.singles do seqs[k] = done.singles[k].seq end
  local recs = fields(P .. 'jobs', seqs)
  for k = 1, #seqs do
    local one = done.singles[k]
    if not end_single(done, one, recs[k]) then
      answers = sub(answers, 1, one.place) .. '0' .. sub(answers, one.place + 2)
    end
  end
  bulk('HSET', P .. 'ran', done.ran)
  bulk('HSET', P .. 'jobs', done.jobs)
  if done.n > 0 then shelve('c', concat(done.runs), done.n, done.bytes) end
  for k = 1, #done.slow do
    local one, job = done.slow[k].one, parse(done.slow[k].one.seq, done.slow[k].rec)
    job.fence, job.started = s64(one.b.number * SPREAD + one.index), one.b.started
    leave(job, 'C', {})
  end
  return answers
end

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
  local b, index = lease(one.key)
  local seq = b and seq_at(b, index)
  local job = b and load(seq)
  if not job then return '0' end
  close(b, index)
  job.fence, job.started = sub(one.key, 1, 8), b.started
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
    local b, index = lease(sub(packed, at + 1, at + 24))
    if b then
      set_deadline(b, index, s64(deadline))
      call('ZADD', P .. 'leases', 'LT', deadline, b.name)
      answers[i] = stops and call('HEXISTS', P .. 'stop', seq_at(b, index)) == 1 and 'c' or 'r'
    else
      answers[i] = 'l'
    end
  end
  flush_bundles()
  finish()
  return concat(answers)
end
