-- Finished jobs, longest finished first: three lists of blocks, one block a call: finished at, then runs of jobs (order of
-- arrival of the first, two bytes how many). A replayed job leaves its entry behind; the entry is passed over because the
-- record says another moment.

local SHELVES = { C = 'c', X = 'x', D = 'd', Q = 'd' }
local SUMS = { c = 'done', x = 'done', d = 'dead' }
local ONE = '\0\1'

local function shelf_key(shelf) return P .. 'fin:' .. shelf end

local function shelve(shelf, runs, n, bytes)
  call('RPUSH', shelf_key(shelf), now8 .. runs)
  sum(SUMS[shelf] .. '_bytes', bytes)
  sum(SUMS[shelf] .. '_jobs', n)
end

local function unshelve(shelf, bytes)
  sum(SUMS[shelf] .. '_bytes', -bytes)
  sum(SUMS[shelf] .. '_jobs', -1)
end

-- Puts a job that ended on its shelf; counts it.
local function finish_job(job)
  job.finished, job.place = now8, '-'
  count(job.queue, job.state, 1)
  shelve(SHELVES[job.state], job.seq .. ONE, 1, weight(job))
end

local first_of, put_back

do -- a scope of its own: Lua allows 200 local names at once

-- Adds the jobs of a run that ended at `moment` in their pack.
local function live_of_pack(live, first, n, moment)
  local p, i
  for past = 0, n - 1 do
    local seq = s64(first + past)
    p, i = Pack.of(seq, p)
    local ended = p and Pack.ended(p, i)
    if ended and ended.finished == moment and live[first + past] == nil then
      live[first + past] = { seq = seq, order = first + past, pack = p, index = i }
    end
  end
end

-- The longest finished jobs of a shelf: those of its first moment, first arrived first, and how many blocks they fill.
first_of = function(shelf)
  local key, moment, blocks, seqs, sizes = shelf_key(shelf), nil, 0, {}, {}
  while blocks < 64 do
    local block = call('LINDEX', key, blocks)
    if not block or (moment and sub(block, 1, 8) ~= moment) then break end
    moment, blocks = sub(block, 1, 8), blocks + 1
    for at = 9, #block - 9, 10 do
      local n = #seqs + 1
      seqs[n], sizes[n] = sub(block, at, at + 7), unpack_('>I2', sub(block, at + 8, at + 9))
    end
  end
  if not moment then return nil end
  local live, jobs, recs = {}, {}, fields(P .. 'jobs', seqs)
  for k = 1, #seqs do
    local rec, order = recs[k], u64(seqs[k])
    if not rec then
      live_of_pack(live, order, sizes[k], moment)
    elseif sound(rec) and sub(rec, 48, 55) == moment and SHELVES[sub(rec, 2, 2)] == shelf then
      live[order] = { seq = seqs[k], order = order, rec = rec }
    end
  end
  for _, one in pairs(live) do jobs[#jobs + 1] = one end
  table.sort(jobs, function(a, b) return a.order < b.order end)
  return { shelf = shelf, moment = moment, at = u64(moment), blocks = blocks, jobs = jobs, next = 1 }
end

-- Writes back what is left of the first blocks of a shelf.
put_back = function(first)
  local key, left, at = shelf_key(first.shelf), {}, first.next
  call('LTRIM', key, first.blocks, -1)
  while at <= #first.jobs do
    local one, n = first.jobs[at], 1
    while one.pack and first.jobs[at + n] and first.jobs[at + n].order == one.order + n
      and first.jobs[at + n].pack == one.pack do n = n + 1 end
    left[#left + 1] = one.seq .. pack('>I2', n)
    at = at + n
  end
  if #left > 0 then call('LPUSH', key, first.moment .. concat(left)) end
end

end
