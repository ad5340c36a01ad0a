-- Producers.

-- Whether the groups of requests were opened; an id that is known is never refused.
local function missing_group(requests, first)
  local seen = {}
  for i = first, #requests do
    local request = requests[i]
    if has(byte(request, 5), GROUP) then
      local job = parse('', request)
      local group = extras(job).group
      if seen[group] == nil then seen[group] = group_exists(group) end
      if not seen[group] and call('HEXISTS', P .. 'ids', job.id) == 0 then return i, group end
    end
  end
end

-- Appends fresh jobs of one queue and priority to their list; where that cannot be, each enters its lane.
local function store_fresh(of, jobs)
  know(of.queue)
  if append(of.queue, of.prio, of) then
    count(of.queue, 'A', #of)
    mark(of.queue, of.prio, '', #of)
    return
  end
  for i = 1, #of do
    local job = parse(sub(of[i], 9, 16), jobs[of.at[i]])
    enter(job)
    jobs[of.at[i]] = build(job)
  end
end

-- Requests without unique key, group or expiry, whose ids are new: everything is written in a few large commands.
local function store_plain(requests)
  local n = #requests
  local first = next_seq(n)
  local ids, jobs, tokens, waiting = {}, {}, {}, {}
  for i = 1, n do
    local request, seq = requests[i], s64(first + i - 1)
    local due, state = due_of(request)
    local queue, prio = queue_of(request), sub(request, 4, 4)
    ids[2 * i - 1], ids[2 * i] = sub(request, 56, 71), seq
    jobs[2 * i - 1] = seq
    if state == 'A' and byte(request, 5) == FAIR then
      local job = parse(seq, settled_in(request, 'A', '-', due))
      enter(job)
      jobs[2 * i] = build(job)
    elseif state == 'A' then
      local of = tokens[prio .. queue]
      if not of then of = { queue = queue, prio = prio, at = {} }; tokens[prio .. queue] = of end
      of[#of + 1] = due .. seq
      of.at[#of] = 2 * i
      jobs[2 * i] = settled_in(request, 'A', 'L', due)
    else
      local of = waiting[queue]
      if not of then of = {}; waiting[queue] = of end
      of[#of + 1] = u64(due)
      of[#of + 1] = seq
      jobs[2 * i] = settled_in(request, 'S', 'D', due)
    end
  end
  for _, of in pairs(tokens) do store_fresh(of, jobs) end
  for queue, of in pairs(waiting) do
    know(queue)
    count(queue, 'S', #of / 2)
    bulk('ZADD', queue_key(queue, 'due'), of)
  end
  bulk('HSET', P .. 'ids', ids)
  bulk('HSET', P .. 'jobs', jobs)
  stirred = true
end

-- Stores requests in order; what became of each, 17 bytes a request (a code and an id), or nothing when all are new.
local function store_all(requests)
  local ids, seen, plain = {}, {}, true
  for i = 1, #requests do
    local id = sub(requests[i], 56, 71)
    if seen[id] or byte(requests[i], 5) % FAIR ~= 0 then plain = false; break end
    seen[id], ids[i] = true, id
  end
  if plain then
    local there = fields(P .. 'ids', ids)
    for i = 1, #there do
      if there[i] then plain = false; break end
    end
  end
  if plain then
    if #requests > 0 then store_plain(requests) end
    return ''
  end
  local answers = {}
  for i = 1, #requests do
    local code, id = store(requests[i])
    answers[i] = code .. id
  end
  return concat(answers)
end

local API = {}

-- time, requests…: '' or the answers; or the place of a request whose group was never opened, and the group.
API.enqueue = function(keys, args)
  begin(keys, args[1])
  local requests = {}
  for i = 2, #args do requests[i - 1] = args[i] end
  local at, group = missing_group(requests, 1)
  if at then return { at, group } end
  local answers = store_all(requests)
  finish()
  return answers
end

-- time, then a group and a request in turns: the first request whose group was never opened, and the group.
API.check_groups = function(keys, args)
  begin(keys, args[1])
  for i = 2, #args, 2 do
    if not group_exists(args[i]) and call('HEXISTS', P .. 'ids', args[i + 1]) == 0 then return { (i - 2) / 2 + 1, args[i] } end
  end
  return ''
end

-- time, entry, slot in digits, requests…: 1 when it fired.
API.fire = function(keys, args)
  begin(keys, args[1])
  local last = call('HGET', P .. 'cron', args[2])
  if last and tonumber(last) >= tonumber(args[3]) then return 0 end
  local requests = {}
  for i = 4, #args do requests[i - 3] = args[i] end
  local at, group = missing_group(requests, 1)
  if at then return { at, group } end
  store_all(requests)
  call('HSET', P .. 'cron', args[2], args[3])
  finish()
  return 1
end

-- time, id, name, parent or '', sealed '1' or '0', follow-up or '', requests…: 'ok', or why not.
API.open_group = function(keys, args)
  begin(keys, args[1])
  local id, parent = args[2], args[4]
  if group_exists(id) then return 'ok' end
  if parent ~= '' then
    local there = call('HMGET', group_key(parent), 'sealed', 'done')
    if not there[1] or there[2] then return 'parent' end
    call('HINCRBY', group_key(parent), 'children', 1)
  end
  local order = call('HINCRBY', P .. 'meta', 'groups', 1)
  call('HSET', group_key(id), 'name', args[3], 'sealed', args[5], 'total', 0, 'pending', 0, 'completed', 0,
    'cancelled', 0, 'failed', 0, 'children', 0, 'rows', 0, 'opened', now8, 'order', order)
  if parent ~= '' then call('HSET', group_key(id), 'parent', parent) end
  if args[6] ~= '' then call('HSET', group_key(id), 'follow', args[6]) end
  call('ZADD', P .. 'groups', order, id)
  for i = 7, #args do store(args[i]) end
  end_groups(id)
  finish()
  return 'ok'
end

API.seal_group = function(keys, args)
  begin(keys, args[1])
  if group_exists(args[2]) then
    call('HSET', group_key(args[2]), 'sealed', '1')
    end_groups(args[2])
    finish()
  end
  return 'ok'
end
