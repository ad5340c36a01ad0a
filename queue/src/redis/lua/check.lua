-- What is stored, checked against itself: each job against the indexes that find it, each index against its jobs. Each call
-- looks at some hundred entries and is sound in itself; what cannot be seen in one call is confirmed by a second one.

local Check = {}
local flaws, mending = {}, false                    -- of this call

-- A flaw: letter (see examine/read.rs), subject, what is wrong, and how to heal it if that is safe.
local function flaw(letter, subject, text, heal)
  local done = '-'
  if heal then
    done = 'p'
    if mending then heal(); done = 'h' end
  end
  local n = #flaws
  flaws[n + 1], flaws[n + 2], flaws[n + 3], flaws[n + 4] = letter, subject, text, done
end

-- Whether the extras are as long as their flags and lengths say.
local function extras_fit(job)
  local at, text = 1, job.extras
  if has(job.flags, GROUP) then at = at + 16 end
  if has(job.flags, EXPIRES) then at = at + 8 end
  if has(job.flags, UNIQUE) then at = at + 10 + (byte(text, at + 9) or #text) end
  if has(job.flags, FAIR) then at = at + 1 + (byte(text, at) or #text) end
  return at == #text + 1
end

-- Whether a record can be taken apart completely.
local function whole(seq, rec)
  if #seq ~= 8 or not sound(rec) or byte(rec, 5) >= 2 * ERROR then return false end
  return string.find(sub(rec, 2, 4), '^[SATRCXDQ][LZD%-][0-3]$') and extras_fit(parse(seq, rec))
end

local function hex(text)
  return (string.gsub(text, '.', function(c) return string.format('%02x', byte(c)) end))
end

-- Open leases by order of arrival.
local function open_leases()
  if bundles.open then return bundles.open end
  local open, names = {}, call('HKEYS', P .. 'run')
  for i = 1, #names do
    local readable, b = pcall(function() return #names[i] == 8 and bundle(u64(names[i])) end)
    if not readable then b = nil end
    for index = 0, b and math.floor(b.size) - 1 or -1 do
      if is_open(b, index) then open[seq_at(b, index)] = true end
    end
  end
  bundles.open = open
  return open
end

local function check_running(job, name)
  if open_leases()[job.seq] then return end
  flaw('r', name, 'runs, but nobody holds a lease on it: it would never run again', function()
    count(job.queue, 'R', -1)
    hold_share(job.queue, share_of(job), -1)
    job.place = '-'
    local stop = call('HEXISTS', P .. 'stop', job.seq) == 1
    if stop then set_error(job, CANCELLED) end
    leave(job, stop and 'X' or 'A', {})
  end)
end

local function check_place(job, name)
  if job.state == 'A' and job.place == 'Z' then
    local share, breed = share_of(job), breed_of(job)
    local member = lane_of(share, breed) .. job.due .. job.seq
    if not call('ZSCORE', queue_key(job.queue, 'z' .. job.prio), member) then
      flaw('i', name, 'is available, but in no lane: no worker would find it', function()
        call('ZADD', queue_key(job.queue, 'z' .. job.prio), 0, member)
        if call('HEXISTS', queue_key(job.queue, 'n' .. job.prio), breed) == 0 then
          call('HSET', queue_key(job.queue, 'n' .. job.prio), breed, 1)
        end
        stirred = true
      end)
    end
  elseif job.state ~= 'A' then
    local at = call('ZSCORE', queue_key(job.queue, 'due'), job.seq)
    if not at or job.place ~= 'D' then
      flaw('i', name, 'waits for its time, but is not in the set of due jobs', function()
        call('ZADD', queue_key(job.queue, 'due'), u64(job.due), job.seq)
        if job.place ~= 'D' then job.place = 'D'; save(job) end
        stirred = true
      end)
    end
  elseif job.place ~= 'L' then
    flaw('i', name, 'is available, but stands nowhere: no worker would find it', function()
      enter_lane(job, share_of(job))
      save(job)
      stirred = true
    end)
  end
  local expires = may_expire(job)
  if expires and not call('ZSCORE', queue_key(job.queue, 'exp'), job.seq) then
    flaw('i', name, 'expires, but is not in the set of jobs that do', function()
      call('ZADD', queue_key(job.queue, 'exp'), u64(expires), job.seq)
    end)
  end
end

-- Whether a job that holds a key, if it does, holds it rightly.
local function may_hold(job, found)
  if found.scope == 'F' then return true end
  if is_final(job.state) then return false end
  return found.scope == 'D' or (not job.running and job.state ~= 'R' and job.started == NONE8)
end

local function check_key(job, name)
  if not has(job.flags, UNIQUE) or is_final(job.state) then return end
  local found = extras(job)
  if not may_hold(job, found) or (found.scope == 'F' and u64(job.enqueued) + found.span <= now) then return end
  local key = key_name(job, found)
  local by = call('HGET', P .. 'keys', key)
  if by == job.seq or (not by and call('HEXISTS', P .. 'freed', job.seq) == 1) then return end
  local other = by and load(by)
  if other and has(other.flags, UNIQUE) and key_name(other, extras(other)) == key then
    flaw('k', name, 'has the unique key "' .. found.key .. '" that job ' .. uuid(other.id) .. ' holds, too')
  else
    flaw('k', name, 'does not hold its unique key "' .. found.key .. '"', function()
      call('HSET', P .. 'keys', key, job.seq)
    end)
  end
end

-- One job; a record that is not whole is set aside.
local function check_job(seq, rec)
  if not whole(seq, rec) then
    local told = #seq == 8 and 'order of arrival ' .. string.format('%.0f', u64(seq)) or 'field ' .. hex(seq)
    flaw('d', told, 'the record of a job is damaged (' .. #rec .. ' bytes); kept in the hash damaged', function()
      call('HSET', P .. 'damaged', seq, rec)
      call('HDEL', P .. 'jobs', seq)
    end)
    return nil
  end
  local job = parse(seq, rec)
  look_closer(job)
  local name = uuid(job.id)
  local by = call('HGET', P .. 'ids', job.id)
  if by ~= seq then
    local other = by and load(Pack.seq_of(job.id, by))
    if other and other.id == job.id and other.seq ~= seq then
      flaw('i', name, 'is stored twice')
    else
      flaw('i', name, 'cannot be found by its id', function() call('HSET', P .. 'ids', job.id, seq) end)
    end
  end
  check_key(job, name)
  if job.running then check_running(job, name) elseif not is_final(job.state) then check_place(job, name) end
  local now_stored = call('HGET', P .. 'jobs', seq)
  return now_stored and sound(now_stored) and now_stored
end

-- Most records a call reads: they may be a mebibyte each.
local RECORDS = 64

-- Adds to the facts about jobs: order of arrival, record without payload in the state it is in, bytes that count.
local function tell(facts, job)
  local n, bytes = #facts, weight(job)
  if job.running then job.state = 'R' end
  job.payload = ''
  facts[n + 1], facts[n + 2], facts[n + 3] = job.seq, build(job), bytes
end

-- Jobs with records of their own.
Check.jobs = function(cursor, facts)
  local answer = call('HSCAN', P .. 'jobs', cursor, 'COUNT', RECORDS)
  local all = answer[2]
  for i = 1, #all, 2 do
    local rec = check_job(all[i], all[i + 1])
    if rec then
      local job = parse(all[i], rec)
      look_closer(job)
      tell(facts, job)
    end
  end
  return answer[1]
end

-- The jobs of a pack that have not left it. `by`: where their ids lead.
local function check_members(p, by, facts)
  for i = 0, p.n - 1 do
    if not Pack.has_left(p, i) then
      local job = unpacked(p, i)
      look_closer(job)
      local at = by[i + 1] or (p.ascends and p.name)
      if at ~= p.name then
        local other = at and load(Pack.seq_of(job.id, at))
        if other and other.id == job.id and other.seq ~= job.seq then
          flaw('i', uuid(job.id), 'is stored twice')
        else
          flaw('i', uuid(job.id), 'cannot be found by its id', function() call('HSET', P .. 'ids', job.id, p.name) end)
        end
      end
      if job.running then check_running(job, uuid(job.id)) end
      if job.pack then tell(facts, job) end
    end
  end
end

-- An ascending pack is found by its first id, and its last is not above the highest.
local function check_range(p)
  if not p.ascends then return end
  if not call('ZSCORE', P .. 'ranges', Pack.range(p)) then
    flaw('i', 'pack ' .. hex(p.name), 'cannot be found by the ids of its jobs', function()
      call('ZADD', P .. 'ranges', 0, Pack.range(p))
    end)
  end
  local last = Pack.id(p, p.n - 1)
  if Ids.is_new(last) then
    flaw('i', 'pack ' .. hex(p.name), 'has ids above the highest one known: a producer could store them again', function()
      Ids.note(last)
    end)
  end
end

-- Packs: as the jobs.
Check.packs = function(cursor, facts)
  local answer = call('HSCAN', P .. 'packs', cursor, 'COUNT', 4)
  local all = answer[2]
  for k = 1, #all, 2 do
    local name, p = all[k], Pack.read(all[k], all[k + 1])
    if not p or not Pack.is_whole(p) then
      flaw('d', 'pack ' .. hex(name), 'a pack of jobs is damaged; kept in the hash damaged', function()
        Pack.set_aside(name)
      end)
    else
      opened[name] = p
      if tonumber(call('ZSCORE', P .. 'spans', name) or '-1') ~= p.first then
        flaw('i', 'pack ' .. hex(name), 'cannot be found by the order of arrival of its jobs', function()
          call('ZADD', P .. 'spans', p.first, name)
        end)
      end
      check_range(p)
      local ids = {}
      for i = 1, p.n do ids[i] = Pack.id(p, i - 1) end
      check_members(p, fields(P .. 'ids', ids), facts)
    end
  end
  return answer[1]
end

-- A fresh job whose token no page of its list showed, read after its record: `seq`.
Check.unlisted = function(seq)
  local job = load(seq)
  if not job or job.running or job.state ~= 'A' or job.place ~= 'L' then return end
  flaw('i', uuid(job.id), 'is available, but not in the list of its queue: no worker would find it', function()
    enter_lane(job, share_of(job))
    save(job)
    stirred = true
  end)
end

-- A finished job that no block of its shelf named, read after its record: order of arrival and moment it ended.
Check.unshelved = function(seq, moment)
  local job = load(seq)
  if not job or job.finished ~= moment or not SHELVES[job.state] then return end
  flaw('i', uuid(job.id), 'has ended, but is on no shelf: it would be kept for ever', function()
    call('RPUSH', shelf_key(SHELVES[job.state]), moment .. seq .. ONE)
  end)
end
