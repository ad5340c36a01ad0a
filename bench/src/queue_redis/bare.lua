-- KEYS: four lists, delayed, in flight, leases, counters. ARGV: worker, end of its lease, now, most, settled ids.
local settled = #ARGV - 4
if settled > 0 then
  redis.call('HDEL', KEYS[6], unpack(ARGV, 5))
  redis.call('HINCRBY', KEYS[8], 'done', settled)
end
redis.call('ZADD', KEYS[7], ARGV[2], ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', ARGV[3], 'LIMIT', 0, 500)
for _, body in ipairs(due) do
  redis.call('LPUSH', KEYS[tonumber(string.sub(body, 13, 13)) + 1], body)
  redis.call('ZREM', KEYS[5], body)
end
local bodies, flight, left = {}, {}, tonumber(ARGV[4])
for list = 1, 4 do
  if left > 0 then
    local taken = redis.call('RPOP', KEYS[list], left) or {}
    for _, body in ipairs(taken) do
      bodies[#bodies + 1] = body
      flight[#flight + 1] = string.sub(body, 1, 12)
      flight[#flight + 1] = body
    end
    left = left - #taken
  end
end
if #flight > 0 then
  redis.call('HSET', KEYS[6], unpack(flight))
end
return bodies
