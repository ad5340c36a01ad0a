-- Settlements.

local complete

do -- a scope of its own: Lua allows 200 local names at once

-- What a call completes, gathered: runs of jobs of packs, as `ran` and the shelf have them; bytes and jobs of these; leases
-- of jobs with records of their own (place in the answer, order of arrival, bundle, index, id).

-- Counts `n` jobs of a pack from the place `i` on as completed.
local function shelve_packed(done, b, p, i, n)
  done.runs[#done.runs + 1] = pack('>I8I2', p.first + i, n)
  done.bytes, done.n = done.bytes + Pack.bytes(p, i + n) - Pack.bytes(p, i), done.n + n
  done.packed[b.queue] = (done.packed[b.queue] or 0) + n
  if p.who and counts_running(b.queue) then
    Pack.each_share(p, i, n, function(share, many) hold_share(b.queue, share, -many) end)
  end
  for past = 0, done.stops and n - 1 or -1 do call('HDEL', P .. 'stop', s64(p.first + i + past)) end
end

-- Leases of a pack's jobs that do not follow each other; as `end_packed`.
local function end_scattered(done, b, run, p, from, n, ids)
  local places, at = {}, run.places + 2 * (from - run.at)
  for k = 1, n do
    local place = unpack_('>I2', b.raw, at + 2 * k - 2)
    if place >= p.n then return false end
    places[k] = place
  end
  if Pack.ids_at(p, places) ~= ids or not close_run(b, from, n) then return false end
  local k = #done.ran
  done.ran[k + 1] = s64(p.first + places[1])
  done.ran[k + 2] = concat({ now8, b.started, pack('>I8I2', b.number * SPREAD + from, n), Pack.numbers(places) })
  local first = 1
  for last = 1, n do
    if places[last + 1] ~= places[last] + 1 then
      shelve_packed(done, b, p, places[first], last - first + 1)
      first = last + 1
    end
  end
  return true
end

-- Leases of a pack's jobs, if all of them are open and the ids are right; whether it did.
local function end_packed(done, b, run, from, n, ids)
  local p = Pack.open(run.pack)
  if p and run.places then return end_scattered(done, b, run, p, from, n, ids) end
  local i = p and run.first + from - run.at - p.first
  if not p or i < 0 or i + n > p.n or Pack.ids(p, i, n) ~= ids or not close_run(b, from, n) then return false end
  local k = #done.ran
  done.ran[k + 1] = s64(p.first + i)
  done.ran[k + 2] = now8 .. b.started .. pack('>I8I2', b.number * SPREAD + from, n)
  shelve_packed(done, b, p, i, n)
  return true
end

-- Leases from `from` on inside of one run of a bundle: one character each, '1' ended, '0' lost.
local function end_leases(done, b, run, from, n, ids, place)
  if run.pack then
    if end_packed(done, b, run, from, n, ids) then return string.rep('1', n) end
    if n == 1 then return '0' end
  end
  local answers = {}
  for past = 0, n - 1 do
    local id, index = sub(ids, 16 * past + 1, 16 * past + 16), from + past
    local ended
    if run.pack then
      ended = end_packed(done, b, run, index, 1, id)
    else
      ended = close_run(b, index, 1)
    end
    if ended and not run.pack then
      local seq = run.seqs + 8 * (index - run.at)
      done.singles[#done.singles + 1] = { place = place + past, seq = sub(b.raw, seq, seq + 7), b = b, index = index, id = id }
    end
    answers[past + 1] = ended and '1' or '0'
  end
  return concat(answers)
end

-- Opens the packs of a bundle at once when they are many.
local function open_packs(b)
  local names, seen = {}, {}
  for _, run in ipairs(b.runs) do
    if run.pack and opened[run.pack] == nil and not seen[run.pack] then
      seen[run.pack], names[#names + 1] = true, run.pack
    end
  end
  if #names > 2 then Pack.open_all(names) end
end

-- Completions: how many runs of leases that follow each other, then of each the fence of the first, and ids. Ends those that
-- are open; one character each, and the index of the first argument after them.
local function end_all(done, args, at)
  local place, answers = 0, {}
  local last = at + 2 * tonumber(args[at])
  for k = at + 1, last, 2 do
    local fence, ids = u64(args[k]), args[k + 1]
    local number, many = math.floor(fence / SPREAD), #ids / 16
    local b, index, ended = bundle(number), fence - number * SPREAD, 0
    local runs, r = b and b.runs or {}, 1
    if b and b.next and b.next.index <= index then r = b.next.run elseif b then open_packs(b) end
    while runs[r] and runs[r].at < index + many do
      local run = runs[r]
      local from, to = math.max(index, run.at), math.min(index + many, run.at + run.n)
      if from < to then
        local some = to - from == many and ids or sub(ids, 16 * (from - index) + 1, 16 * (to - index))
        answers[#answers + 1] = end_leases(done, b, run, from, to - from, some, place + from - index)
        ended = ended + to - from
        b.next = { index = from, run = r }
      end
      r = r + 1
    end
    answers[#answers + 1] = string.rep('0', many - ended)
    place = place + many
  end
  return concat(answers), last + 1
end

-- Completes a job with a record of its own; its lease stays open, and false, when that is damaged or another's. Jobs without unique key
-- or group are gathered, too.
local function end_single(done, one, rec)
  local b = one.b
  local state, _, flags, _, kind, payload = shape(rec)
  if not state or sub(rec, 56, 71) ~= one.id then
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

-- Completions, as `end_all` has them, then two bytes each, their place among those that were asked for, or '' when that is
-- the same order. Written in a few large commands; but jobs with a unique key or group each on their own, in the order in
-- which they were asked for. Returns one character each, '1' applied, '0' lost, and the index of the first argument after.
complete = function(args, at)
  local done = { ran = {}, runs = {}, packed = {}, jobs = {}, singles = {}, slow = {}, bytes = 0, n = 0,
    stops = call('EXISTS', P .. 'stop') == 1 }
  local answers, next_at = end_all(done, args, at)
  for _, b in pairs(bundles) do
    if b then close_gathered(b) end
  end
  for queue, n in pairs(done.packed) do
    count(queue, 'R', -n)
    count(queue, 'C', n)
  end
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
  local order = args[next_at]
  if order ~= '' then
    table.sort(done.slow, function(a, b)
      return unpack_('>I2', order, 2 * a.one.place + 1) < unpack_('>I2', order, 2 * b.one.place + 1)
    end)
  end
  for k = 1, #done.slow do
    local one, job = done.slow[k].one, parse(done.slow[k].one.seq, done.slow[k].rec)
    job.fence, job.started = s64(one.b.number * SPREAD + one.index), one.b.started
    leave(job, 'C', {})
  end
  return answers, next_at + 1
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
  drop_alias(one.key)
  job.fence, job.started = sub(one.key, 1, 8), b.started
  count(job.queue, 'R', -1)
  hold_share(job.queue, share_of(job), -1)
  local outcome, reason = one.outcome, one.error
  local id, group = missing_group(one.requests, 1)
  if id then
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

-- Reads settlements from the arguments: 'p', completions; or 'r', how many, then each with its parts; or ''.
-- Returns the answers and the index of the first argument after them.
local function settle_from(args, at)
  local mode = args[at]
  if mode == '' then return '', at + 1 end
  if mode == 'p' then return complete(args, at + 1) end
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
