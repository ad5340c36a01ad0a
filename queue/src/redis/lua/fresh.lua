-- Lists of fresh jobs: one for each priority of a queue and share, as tokens (due at, order of arrival), appended at the tail,
-- popped at the head, sorted, so a job whose token is below the head has been popped. The token of a pack goes on: name of
-- the pack, how many jobs of the share are left there (2), and in a keyed pack the number of the share (1); a claim of
-- some of them moves its order of arrival on to the next.
--
-- Jobs without a key have a list `f` by itself. Of other shares, the first token is a field of the hash `h`, so that a claim
-- reads and writes the heads of all in two commands; what follows is a list of the share's own. It is there only while the
-- first is. Both go when the share has no available job (share.lua).
--
-- A job cancelled in a list leaves its token behind; whoever pops it drops it.

local Fresh = {}

do -- a scope of its own: Lua allows 200 local names at once

local function head_key(queue, prio) return queue_key(queue, 'h' .. prio) end
local function list_key(queue, prio) return queue_key(queue, 'f' .. prio) end
function Fresh.rest_key(queue, prio, share) return P .. 's:' .. char(#queue) .. queue .. prio .. share end

-- A token of 16 bytes as two numbers; strings would be compared by the server's locale.
function Fresh.before(a, b)
  local a_due, a_seq = unpack_('>I8I8', a)
  local b_due, b_seq = unpack_('>I8I8', b)
  if a_due ~= b_due then return a_due < b_due end
  return a_seq < b_seq
end

-- How many jobs a token stands for.
function Fresh.jobs_in(token) return #token > 16 and unpack_('>I2', token, 25) or 1 end

-- The token of a pack's jobs of which the first `taken` were popped; the next is at `place` of the pack.
function Fresh.rest_of(token, p, place, taken)
  local due, _, many = unpack_('>c8c16I2', token)
  return due .. pack('>I8c8I2', p.first + place, p.name, many - taken) .. sub(token, 27)
end

-- Places in a pack of the first `most` jobs that a token stands for, and of the next one; fewer when the pack has not as many.
function Fresh.places(token, p, most)
  local places, at, number = {}, unpack_('>I8', token, 9) - p.first, sub(token, 27)
  for k = 1, math.min(most, Fresh.jobs_in(token)) + 1 do
    if at < 0 or at >= p.n then break end
    places[k] = at
    at = at + 1
    if p.who then at = (string.find(p.who, number, at + 1, true) or p.n + 1) - 1 end
  end
  return places
end

-- The first token of a list, or nil.
function Fresh.head(queue, prio, share)
  if share == '' then return call('LINDEX', list_key(queue, prio), 0) or nil end
  return call('HGET', head_key(queue, prio), share) or nil
end

-- The first tokens of many shares, `false` where there is none. None of them is ''.
function Fresh.heads(queue, prio, shares) return fields(head_key(queue, prio), shares) end

-- The first tokens of a list, at most `n`. `head`: the first, if it is known.
function Fresh.tokens(queue, prio, share, n, head)
  if share == '' then return call('LRANGE', list_key(queue, prio), 0, n - 1) end
  head = head or Fresh.head(queue, prio, share)
  if not head then return {} end
  local tokens = n > 1 and call('LRANGE', Fresh.rest_key(queue, prio, share), 0, n - 2) or {}
  table.insert(tokens, 1, head)
  return tokens
end

-- Removes the first `n` tokens and puts `cut`, if given, in the place of the one that is first then. The new first token of a
-- share that is not '' is returned, to be written by `set_heads`; nil when there is none.
function Fresh.drop(queue, prio, share, n, cut)
  if share == '' then
    if n > 0 then call('LTRIM', list_key(queue, prio), n, -1) end
    if cut then call('LSET', list_key(queue, prio), 0, cut) end
    return nil
  end
  if n == 0 then return cut end
  local popped_ = call('LPOP', Fresh.rest_key(queue, prio, share), n)
  local next_ = popped_ and popped_[n]
  return next_ and (cut or next_) or nil
end

-- Writes first tokens: share and token, nil for none, in turns.
function Fresh.set_head(queue, prio, share, token)
  if token then
    call('HSET', head_key(queue, prio), share, token)
  else
    call('HDEL', head_key(queue, prio), share)
  end
end

function Fresh.set_heads(queue, prio, set, lost)
  bulk('HSET', head_key(queue, prio), set)
  bulk('HDEL', head_key(queue, prio), lost)
end

-- Forgets the lists of shares, none of them ''.
function Fresh.forget(queue, prio, shares)
  bulk('HDEL', head_key(queue, prio), shares)
  for first = 1, #shares, ARGS do
    local keys = {}
    for k = first, math.min(first + ARGS - 1, #shares) do keys[#keys + 1] = Fresh.rest_key(queue, prio, shares[k]) end
    call('UNLINK', unpack(keys))
  end
end

-- Appends the tokens of each share, if `first`, the lowest of them, is above all that ever stood in this priority: else the
-- clock went back, and nothing is done. `last` is the token of the last job. Returns whether it did.
function Fresh.append(queue, prio, by_share, first, last)
  local highest = call('HGET', P .. 'last', prio .. queue)
  if highest and not Fresh.before(highest, first) then return false end
  call('HSET', P .. 'last', prio .. queue, last)
  local shares, new, set = {}, {}, {}
  for share in pairs(by_share) do
    if share ~= '' then shares[#shares + 1] = share end
  end
  if by_share[''] then bulk('RPUSH', list_key(queue, prio), by_share['']) end
  local heads = Fresh.heads(queue, prio, shares)
  for k = 1, #shares do
    if not heads[k] then new[#new + 1] = shares[k] end
  end
  Fresh.forget(queue, prio, new)
  for k = 1, #shares do
    local tokens = by_share[shares[k]]
    if not heads[k] then
      set[#set + 1], set[#set + 2] = shares[k], table.remove(tokens, 1)
    end
    bulk('RPUSH', Fresh.rest_key(queue, prio, shares[k]), tokens)
  end
  bulk('HSET', head_key(queue, prio), set)
  return true
end

end
