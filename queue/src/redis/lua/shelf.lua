-- Finished jobs, longest finished first: three lists of blocks (finished at, then orders of arrival), one block a call.
-- A replayed job leaves its entry behind; the entry is passed over because the record says another moment.

local SHELVES = { C = 'c', X = 'x', D = 'd', Q = 'd' }
local SUMS = { c = 'done', x = 'done', d = 'dead' }

local function shelf_key(shelf) return P .. 'fin:' .. shelf end

local function shelve(shelf, seqs, bytes)
  call('RPUSH', shelf_key(shelf), now8 .. seqs)
  sum(SUMS[shelf] .. '_bytes', bytes)
  sum(SUMS[shelf] .. '_jobs', #seqs / 8)
end

local function unshelve(shelf, bytes)
  sum(SUMS[shelf] .. '_bytes', -bytes)
  sum(SUMS[shelf] .. '_jobs', -1)
end

-- Puts a job that ended on its shelf; counts it.
local function finish_job(job)
  job.finished, job.place = now8, '-'
  count(job.queue, job.state, 1)
  shelve(SHELVES[job.state], job.seq, weight(job))
end

-- The longest finished jobs of a shelf: those of its first moment, first arrived first, and how many blocks they fill.
local function first_of(shelf)
  local key, moment, blocks, seqs, seen = shelf_key(shelf), nil, 0, {}, {}
  while blocks < 64 do
    local block = call('LINDEX', key, blocks)
    if not block or (moment and sub(block, 1, 8) ~= moment) then break end
    moment, blocks = sub(block, 1, 8), blocks + 1
    for at = 9, #block, 8 do
      local seq = sub(block, at, at + 7)
      if not seen[seq] then seen[seq] = true; seqs[#seqs + 1] = seq end
    end
  end
  if not moment then return nil end
  local live, recs = {}, fields(P .. 'jobs', seqs)
  for i = 1, #seqs do
    local rec = recs[i]
    if sound(rec) and sub(rec, 48, 55) == moment and SHELVES[sub(rec, 2, 2)] == shelf then
      live[#live + 1] = { seq = seqs[i], order = u64(seqs[i]), rec = rec }
    end
  end
  table.sort(live, function(a, b) return a.order < b.order end)
  return { shelf = shelf, moment = moment, at = u64(moment), blocks = blocks, jobs = live, next = 1 }
end

-- Writes back what is left of the first blocks of a shelf.
local function put_back(first)
  local key = shelf_key(first.shelf)
  call('LTRIM', key, first.blocks, -1)
  local left = {}
  for i = first.next, #first.jobs do left[#left + 1] = first.jobs[i].seq end
  if #left > 0 then call('LPUSH', key, first.moment .. concat(left)) end
end
