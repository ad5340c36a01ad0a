-- What every function stands on: the call's key prefix and moment, numbers as eight bytes, counters written at the end.
--
-- All keys of a deployment share one hash tag, so one node of a cluster owns them and a call is one transaction.
-- The tag is the declared key; the names below it are derived here (docs/adr/0009).

-- Nothing but `redis` is there while a library is loaded: these are set by `begin`.
local call, byte, char, concat, sub, pack, unpack_

local PIECE = 500                                   -- most jobs one maintenance step touches
local ARGS = 1000                                   -- most arguments of one command, below Lua's limit of 8,000
local NONE8 = '\0\0\0\0\0\0\0\0'
local FAR = 9.2e18                                  -- beyond this a moment is never
local FAR8 = '\127\255\255\255\255\255\255\255'

local P = ''                                        -- prefix of all keys
local now, now8 = 0, NONE8                          -- the moment of this call, in milliseconds
local counts = {}                                   -- changes of the queues' counters, by queue and state
local meta = {}                                     -- changes of sums, by field
local stirred = false                               -- whether there may be something new to claim
local known = {}                                    -- queues seen in this call
local bands = {}                                    -- queues and priorities whose shares it touched (share.lua)
local gates = {}                                    -- limits of queues; false: none (share.lua)
local held = {}                                     -- changes of what keys have running, by queue and key (share.lua)
local taken = {}                                    -- orders of arrival that this call leases (claim.lua)
local opened = {}                                   -- packs seen, by name; false: none (pack.lua)
local bundles = {}                                  -- leases seen, by number of the bundle; false: none (bundle.lua)
local Ids = { highest = {} }                        -- the highest id stored, and the range looked at last (ids.lua)

local function u64(text) return (unpack_('>I8', text)) end
local function s64(number)
  if number >= FAR then return FAR8 end
  return pack('>I8', number)
end

-- A number in digits; the small ones are kept, because making them costs more than looking them up.
local numerals = {}
local function digits(number)
  if number >= 4096 then return string.format('%.0f', number) end
  local text = numerals[number]
  if not text then
    text = string.format('%.0f', number)
    numerals[number] = text
  end
  return text
end

local function count(queue, state, change)
  local of = counts[queue]
  if not of then of = {}; counts[queue] = of end
  of[state] = (of[state] or 0) + change
end

local function sum(field, change) meta[field] = (meta[field] or 0) + change end

-- Calls `name key` with the arguments in pieces of `width`-tuples.
local function bulk(name, key, args)
  local n = #args
  if n == 0 then return end
  if n <= ARGS then return call(name, key, unpack(args)) end
  for first = 1, n, ARGS do
    call(name, key, unpack(args, first, math.min(first + ARGS - 1, n)))
  end
end

-- Values of many fields of a hash, `false` where there is none.
local function fields(key, names)
  local n = #names
  if n == 0 then return {} end
  if n <= ARGS then return call('HMGET', key, unpack(names)) end
  local values = {}
  for first = 1, n, ARGS do
    local piece = call('HMGET', key, unpack(names, first, math.min(first + ARGS - 1, n)))
    for i = 1, #piece do values[first + i - 1] = piece[i] end
  end
  return values
end

local function begin(keys, time)
  call, pack, unpack_ = redis.call, struct.pack, struct.unpack
  byte, char, concat, sub = string.byte, string.char, table.concat, string.sub
  P = keys[1] .. ':'
  counts, meta, known, stirred = {}, {}, {}, false
  bands, gates, held, taken, opened, bundles, Ids.highest = {}, {}, {}, {}, {}, {}, {}
  if time == '' then
    local clock = call('TIME')
    now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  else
    now = tonumber(time)
  end
  now8 = s64(now)
end

local function queue_key(queue, what) return P .. 'q:' .. queue .. ':' .. what end

-- Remembers that a queue exists.
local function know(queue)
  if not known[queue] then
    call('HSETNX', P .. 'queues', queue, '0')
    known[queue] = true
  end
end

local finish_bands, finish_held                     -- in share.lua

-- Writes the counters and rings the bell. `quiet`: nothing is left for others.
local function finish(quiet)
  finish_bands()
  finish_held()
  Ids.finish()
  for queue, of in pairs(counts) do
    local key = queue_key(queue, 'count')
    for state, change in pairs(of) do
      if change ~= 0 and call('HINCRBY', key, state, change) == 0 then call('HDEL', key, state) end
    end
  end
  for field, change in pairs(meta) do
    if change ~= 0 then call('HINCRBY', P .. 'meta', field, change) end
  end
  if stirred and not quiet then call('PUBLISH', P .. 'bell', '') end
end
