-- What a claim takes: how many jobs, the runs of their bundle (bundle.lua), what the worker gets. And the usual case of a
-- claim, which takes them in a few commands.

local Lot = { MOST_BYTES = 32 * 1024 * 1024 }            -- most bytes of one answer

do -- a scope of its own: Lua allows 200 local names at once

function Lot.new() return { n = 0, runs = {}, given = {}, singles = {}, bytes = 0 } end

-- Writes down the jobs with records of their own that were taken one after the other.
function Lot.end_run(lot)
  local n = #lot.singles
  if n == 0 then return end
  lot.runs[#lot.runs + 1] = 'j' .. pack('>I2', n) .. concat(lot.singles)
  lot.singles = {}
end

function Lot.take_single(lot, seq, rec)
  lot.n, lot.bytes = lot.n + 1, lot.bytes + #rec
  lot.given[#lot.given + 1], lot.singles[#lot.singles + 1] = rec, seq
end

-- False, with nothing taken, when the payloads are lost.
function Lot.take_packed(lot, p, i, n)
  local head, ids, ends, payloads = Pack.cut(p, i, n)
  if not head then return false end
  Lot.end_run(lot)
  local given, k = lot.given, #lot.given
  given[k + 1], given[k + 2], given[k + 3], given[k + 4] = head, ids, ends, payloads
  lot.n, lot.bytes = lot.n + n, lot.bytes + #payloads
  lot.runs[#lot.runs + 1] = 'p' .. s64(p.first + i) .. pack('>I2', n) .. p.name
  return true
end

-- Jobs of a pack that do not follow each other, by their places, as one run. As `take_packed`.
function Lot.take_scattered(lot, p, places)
  local head, ids, spans, payloads = Pack.gather(p, places)
  if not head then return false end
  Lot.end_run(lot)
  local given, k, n = lot.given, #lot.given, #places
  given[k + 1], given[k + 2], given[k + 3], given[k + 4] = head, ids, spans, payloads
  lot.n, lot.bytes = lot.n + n, lot.bytes + #payloads
  lot.runs[#lot.runs + 1] = 's' .. pack('>I2', n) .. p.name .. Pack.numbers(places)
  return true
end

-- The first tokens of a list that stand for `max` jobs or all. `head`: the first, if it is known.
function Lot.first_tokens(queue, prio, share, max, head)
  if head and Fresh.jobs_in(head) >= max then return { head } end
  local few = head and 2 or 4
  local tokens, n = Fresh.tokens(queue, prio, share, few, head), 0
  for k = 1, #tokens do n = n + Fresh.jobs_in(tokens[k]) end
  if n < max and #tokens == few then return Fresh.tokens(queue, prio, share, max, head) end
  return tokens
end

-- A record or pack of fresh jobs that a worker may have as it is.
function Lot.plain_single(kinds, rec)
  local state, place, flags, version, kind = shape(rec)
  if state ~= 65 or place ~= 76 or flags % 8 >= 2 then return false end
  local max = kinds[sub(rec, 73, 72 + kind)]
  return max and version <= max
end

function Lot.plain_pack(kinds, p, i, n)
  if not p or p.gone or i < 0 or i + n > p.n then return false end
  local max = kinds[Pack.kind(p)]
  return max and Pack.version(p) <= max
end

-- The usual case: one priority with nothing but fresh jobs, without key or expiry, of kinds the worker knows. Takes them in
-- a few commands; nil, with nothing done, when any of them is not so.
function Lot.collect_fresh(request, c)
  if not c or not c.only or #c.only.lanes > 0 then return nil end
  local kinds, left = request.kinds, request.max
  local tokens, seqs, names = Lot.first_tokens(request.queue, c.prio, '', request.max), {}, {}
  local used = 0
  while used < #tokens and left > 0 do
    used = used + 1
    local token = tokens[used]
    if #token > 16 then names[#names + 1] = sub(token, 17, 24) else seqs[#seqs + 1] = sub(token, 9, 16) end
    left = left - Fresh.jobs_in(token)
  end
  if used == 0 then return nil end
  local recs = fields(P .. 'jobs', seqs)
  Pack.open_all(names)
  local lot, single, cut = Lot.new(), 0, nil
  for k = 1, used do
    local token = tokens[k]
    if #token == 16 then
      single = single + 1
      if not Lot.plain_single(kinds, recs[single]) then return nil end
      Lot.take_single(lot, seqs[single], recs[single])
    else
      local p, n = Pack.open(sub(token, 17, 24)), Fresh.jobs_in(token)
      local i = p and u64(sub(token, 9, 16)) - p.first
      if not Lot.plain_pack(kinds, p, i, n) then return nil end
      if left < 0 and k == used then
        cut = Fresh.rest_of(token, p, i + n + left, n + left)
        n = n + left
      end
      if not Lot.take_packed(lot, p, i, n) then return nil end
    end
  end
  if lot.bytes > Lot.MOST_BYTES then return nil end
  if cut then used = used - 1 end
  Fresh.drop(request.queue, c.prio, '', used, cut)
  mark(request.queue, c.prio, '', -lot.n)
  return lot
end

end
