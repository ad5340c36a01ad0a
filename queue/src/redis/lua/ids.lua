-- From the id of a job to where it is.
--
-- The hash `ids` leads to the job's order of arrival, or to its pack. Of an ascending pack (pack.lua) it has only the jobs that
-- left. The ids of such a pack are of version 7 (they begin with the moment they were made), ascend, and lie above
-- all of version 7 that were ever stored, which the field `top` of `meta` remembers: so none of them can be known, and no two
-- of these packs overlap. The sorted set `ranges` has each by its first id: id, name.
--
-- An id of the far future, from a producer whose clock is wrong, costs speed until that time has come: packs are not
-- ascending meanwhile.

do -- a scope of its own: Lua allows 200 local names at once

local LAST8 = '\255\255\255\255\255\255\255\255'
local NONE16 = NONE8 .. NONE8

-- Whether one id is above another; strings would be compared by the server's locale.
local function above(one, other)
  local a1, a2, a3 = unpack_('>I6I6I4', one)
  local b1, b2, b3 = unpack_('>I6I6I4', other)
  if a1 ~= b1 then return a1 > b1 end
  if a2 ~= b2 then return a2 > b2 end
  return a3 > b3
end

local function is_version_7(id)
  local mark = byte(id, 7)
  return mark >= 112 and mark < 128
end

local function top()
  local highest = Ids.highest
  if not highest.id then
    highest.id = call('HGET', P .. 'meta', 'top') or NONE16
    highest.stored = highest.id
  end
  return highest.id
end

-- Whether an id cannot be known, because it is of version 7 and above all of them.
function Ids.is_new(id) return is_version_7(id) and above(id, top()) end

-- Remembers an id that is stored.
function Ids.note(id)
  if is_version_7(id) and above(id, top()) then Ids.highest.id = id end
end

-- What lies between the first ids of two ascending packs that follow each other: from, to (nil: no end), the lower pack.
local function range_of(id)
  local range = Ids.highest.range
  if range and not above(range.from, id) and not (range.to and not above(range.to, id)) then return range end
  local lower = call('ZREVRANGEBYLEX', P .. 'ranges', '[' .. id .. LAST8, '-', 'LIMIT', 0, 1)[1]
  local upper = call('ZRANGEBYLEX', P .. 'ranges', '(' .. id .. LAST8, '+', 'LIMIT', 0, 1)[1]
  range = { from = lower and sub(lower, 1, 16) or NONE16, to = upper and sub(upper, 1, 16),
    pack = lower and Pack.open(sub(lower, 17)) or nil }
  Ids.highest.range = range
  return range
end

-- The ascending pack that has a job of an id which has not left it.
local function in_ranges(id)
  if not is_version_7(id) or above(id, top()) then return nil end
  local p = range_of(id).pack
  local i = p and Pack.place_of(p, id)
  return i and not Pack.has_left(p, i) and p or nil
end

-- Where each id leads: an order of arrival, the name of a pack, or `false`.
function Ids.find(ids)
  local found = fields(P .. 'ids', ids)
  for k = 1, #ids do
    local p = not found[k] and in_ranges(ids[k])
    if p then found[k] = p.name end
  end
  return found
end

function Ids.is_known(id)
  return not Ids.is_new(id) and (call('HEXISTS', P .. 'ids', id) == 1 or in_ranges(id) ~= nil)
end

-- Whether any of them is known.
function Ids.any_known(ids)
  local found = fields(P .. 'ids', ids)
  for k = 1, #ids do
    if found[k] or in_ranges(ids[k]) then return true end
  end
  return false
end

-- Writes what was noted.
function Ids.finish()
  local highest = Ids.highest
  if highest.id ~= highest.stored then call('HSET', P .. 'meta', 'top', highest.id) end
  Ids.highest = {}
end

end
