-- Producers.

-- The first request whose group was never opened, by its id, and the group; an id that is known is never refused.
local function missing_group(requests, first)
  local seen, at = {}, first - 1
  while at < #requests do
    at = at + 1
    local request = requests[at]
    if Pack.is_head(request) then
      at = at + 1
    elseif has(byte(request, 5), GROUP) then
      local job = parse('', request)
      local group = extras(job).group
      if seen[group] == nil then seen[group] = group_exists(group) end
      if not seen[group] and not Ids.is_known(job.id) then return job.id, group end
    end
  end
end

local store_all

do -- a scope of its own: Lua allows 200 local names at once

-- What a call stores, written in a few large commands: fields of `ids`, `jobs` and `packs`, members of `spans` and `ranges`;
-- fresh jobs by priority and queue; members of due sets by queue.
local function new_load()
  return { ids = {}, jobs = {}, packs = {}, spans = {}, ranges = {}, bodies = {}, fresh = {}, waiting = {} }
end

local function put_field(list, name, value)
  local n = #list
  list[n + 1], list[n + 2] = name, value
end

-- The fresh jobs of one queue and priority: how many, tokens and how many jobs by share, lowest token and that of the last job,
-- records and packs in order.
local function fresh_of(all, queue, prio)
  local of = all.fresh[prio .. queue]
  if not of then
    of = { queue = queue, prio = prio, n = 0, tokens = {}, many = {}, parts = {} }
    all.fresh[prio .. queue] = of
  end
  return of
end

-- Remembers a token of a share that stands for `n` jobs.
local function put_token(of, share, token, n)
  local tokens = of.tokens[share]
  if not tokens then tokens = {}; of.tokens[share] = tokens end
  tokens[#tokens + 1] = token
  of.many[share], of.n = (of.many[share] or 0) + n, of.n + n
end

local function put_part(of, part, first, last)
  of.parts[#of.parts + 1] = part
  of.first, of.last = of.first or now8 .. first, now8 .. last
end

-- A pack, and the order of arrival of its first job.
local function add_pack(all, p, first)
  p.name, p.first = s64(first), first
  local of = fresh_of(all, Pack.queue(p), Pack.prio(p))
  put_part(of, p, p.name, s64(first + p.n - 1))
  if not p.who then return put_token(of, '', now8 .. p.name .. p.name .. pack('>I2', p.n), p.n) end
  local shares = Pack.shares(p)
  for number = 1, #shares do
    local share = shares[number]
    put_token(of, share.key, concat({ now8, s64(first + share.first), p.name, pack('>I2', share.many), char(number) }),
      share.many)
  end
end

-- A request without unique key, group or expiry.
local function add_plain(all, request, seq)
  local due, state = due_of(request)
  local queue, prio = queue_of(request), sub(request, 4, 4)
  put_field(all.ids, sub(request, 56, 71), seq)
  if state == 'S' then
    local of = all.waiting[queue]
    if not of then of = {}; all.waiting[queue] = of end
    put_field(of, u64(due), seq)
    put_field(all.jobs, seq, settled_in(request, 'S', 'D', due))
    return
  end
  local share, of = '', fresh_of(all, queue, prio)
  if byte(request, 5) == FAIR then
    local kind = byte(request, 72)
    local at = 77 + kind + byte(request, 73 + kind)
    share = sub(request, at, at - 1 + byte(request, at - 1))
  end
  put_token(of, share, due .. seq, 1)
  put_part(of, { seq = seq, rec = settled_in(request, 'A', 'L', due) }, seq, seq)
end

-- The clock went back: jobs that cannot stand in the lists of fresh jobs enter their lanes.
local function enter_lanes(all, of)
  for k = 1, #of.parts do
    local part, jobs = of.parts[k], {}
    if part.rec then
      jobs[1] = parse(part.seq, part.rec)
    else
      for i = 0, part.n - 1 do
        jobs[i + 1] = parse(s64(part.first + i), Pack.record(part, i))
        put_field(all.ids, jobs[i + 1].id, jobs[i + 1].seq)
      end
    end
    for i = 1, #jobs do
      enter(jobs[i])
      put_field(all.jobs, jobs[i].seq, build(jobs[i]))
    end
  end
end

-- Counts available jobs: how many by share.
local function mark_all(queue, prio, many)
  local shares = {}
  for share in pairs(many) do shares[#shares + 1] = share end
  meet(band(queue, prio), shares)
  for share, n in pairs(many) do mark(queue, prio, share, n) end
end

-- Appends fresh jobs of one queue and priority to their lists.
local function store_fresh(all, of)
  know(of.queue)
  if not Fresh.append(of.queue, of.prio, of.tokens, of.first, of.last) then return enter_lanes(all, of) end
  count(of.queue, 'A', of.n)
  mark_all(of.queue, of.prio, of.many)
  for k = 1, #of.parts do
    local part = of.parts[k]
    if part.rec then
      put_field(all.jobs, part.seq, part.rec)
    else
      put_field(all.packs, part.name, part.raw)
      put_field(all.spans, part.first, part.name)
      put_field(all.bodies, Pack.body(part.name), part.sent)
      if part.ascends then
        put_field(all.ranges, 0, Pack.range(part))
      else
        for i = 0, part.n - 1 do put_field(all.ids, Pack.id(part, i), part.name) end
      end
    end
  end
end

local function store_plain(items, packs, n)
  local all, seq = new_load(), next_seq(n)
  for k = 1, #items do
    if packs[k] then
      add_pack(all, packs[k], seq)
      seq = seq + packs[k].n
    else
      add_plain(all, items[k], s64(seq))
      seq = seq + 1
    end
  end
  for _, of in pairs(all.fresh) do store_fresh(all, of) end
  for queue, of in pairs(all.waiting) do
    know(queue)
    count(queue, 'S', #of / 2)
    bulk('ZADD', queue_key(queue, 'due'), of)
  end
  for k = 1, #all.bodies, 2 do call('SET', all.bodies[k], all.bodies[k + 1]) end
  bulk('HSET', P .. 'packs', all.packs)
  bulk('ZADD', P .. 'spans', all.spans)
  bulk('ZADD', P .. 'ranges', all.ranges)
  bulk('HSET', P .. 'ids', all.ids)
  bulk('HSET', P .. 'jobs', all.jobs)
  stirred = true
end

-- Stores requests one after the other, those of packs, too.
local function store_each(items, packs)
  local answers = {}
  local function put(request)
    local code, id = store(request)
    answers[#answers + 1] = code .. id
  end
  for k = 1, #items do
    local p = packs[k]
    if p then
      for i = 0, p.n - 1 do put(Pack.request(p, i)) end
    else
      put(items[k])
    end
  end
  return concat(answers)
end

-- Takes the head of a pack apart. One that says it ascends may not be above all that is known: then it does not.
local function read_pack(head, body, ids)
  local p = Pack.read(NONE8, now8 .. head)
  if p.ascends and not Ids.is_new(Pack.id(p, 0)) then p = Pack.read(NONE8, concat({ now8, 'p', sub(head, 2) })) end
  p.sent = body
  if p.ascends then
    Ids.note(Pack.id(p, p.n - 1))
  else
    for i = 0, p.n - 1 do ids[#ids + 1] = Pack.id(p, i) end
  end
  return p
end

-- Stores requests and packs (head without time, then payloads) in order; what became of each request, 17 bytes (a code and
-- an id), or nothing when all are new. A producer that sends packs has seen to it that no id comes twice.
store_all = function(sent)
  local items, ids, packs, n, plain, seen, at = {}, {}, {}, 0, true, {}, 1
  while at <= #sent do
    local item, k = sent[at], #items + 1
    items[k], at = item, at + 1
    if Pack.is_head(item) then
      packs[k], seen = read_pack(item, sent[at], ids), nil
      n, at = n + packs[k].n, at + 1
    else
      local id = sub(item, 56, 71)
      n = n + 1
      if byte(item, 5) % FAIR ~= 0 then plain = false end
      if seen and seen[id] then plain = false end
      if seen then seen[id] = true end
      if not Ids.is_new(id) then ids[#ids + 1] = id end
    end
  end
  if plain and #ids > 0 and Ids.any_known(ids) then plain = false end
  if not plain then return store_each(items, packs) end
  if n > 0 then
    for k = 1, #items do
      if not packs[k] then Ids.note(sub(items[k], 56, 71)) end
    end
    for k = 1, #ids do Ids.note(ids[k]) end
    store_plain(items, packs, n)
  end
  return ''
end

end

local API = {}

-- time, requests…: '' or the answers; or the id of a request whose group was never opened, and the group.
API.enqueue = function(keys, args)
  begin(keys, args[1])
  local requests = {}
  for i = 2, #args do requests[i - 1] = args[i] end
  local id, group = missing_group(requests, 1)
  if id then return { id, group } end
  local answers = store_all(requests)
  finish()
  return answers
end

-- time, then a group and an id in turns: the first id whose group was never opened, and the group.
API.check_groups = function(keys, args)
  begin(keys, args[1])
  for i = 2, #args, 2 do
    if not group_exists(args[i]) and not Ids.is_known(args[i + 1]) then return { args[i + 1], args[i] } end
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
  local id, group = missing_group(requests, 1)
  if id then return { id, group } end
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
