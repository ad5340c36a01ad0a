-- Jobs that lived elsewhere until now.
--
-- A running one keeps the fence its worker was given outside, whose place in a bundle is the last, which no claim uses: the
-- hash `adopted` leads from that fence and the id to the lease here.

do -- a scope of its own: Lua allows 200 local names at once

-- Takes in a running job under a lease of its own.
local function adopt_running(job, worker, lease)
  local number = call('HINCRBY', P .. 'meta', 'bundle', 1)
  new_bundle(number, job.queue, worker, { n = 1, runs = { 'j' .. pack('>I2', 1) .. job.seq } }, now + lease)
  call('HSET', P .. 'adopted', job.fence .. job.id, s64(number * SPREAD))
  job.state, job.place = 'R', '-'
  count(job.queue, 'R', 1)
end

-- time, lease in ms, highest fence, then for each its record, its worker or '' and its last error or '': 'n' or 'e' each.
API.adopt = function(keys, args)
  begin(keys, args[1])
  local lease, number = tonumber(args[2]), math.floor(tonumber(args[3]) / SPREAD) + 1
  if number > tonumber(call('HGET', P .. 'meta', 'bundle') or '0') then
    call('HSET', P .. 'meta', 'bundle', string.format('%.0f', number))
  end
  local answers = {}
  for i = 4, #args, 3 do
    local rec, worker, reason = args[i], args[i + 1], args[i + 2]
    local id = sub(rec, 56, 71)
    if Ids.is_known(id) then
      answers[#answers + 1] = 'e'
    else
      local job = parse(s64(next_seq(1)), rec)
      know(job.queue)
      call('HSET', P .. 'ids', id, job.seq)
      Ids.note(id)
      if worker ~= '' and call('HEXISTS', P .. 'workers', worker) == 1 then
        adopt_running(job, worker, lease)
      else
        if worker ~= '' then job.crashes = job.crashes + 1 end
        job.state = 'A'
        enter(job)
        stirred = true
      end
      if reason ~= '' then set_error(job, reason) end
      save(job)
      answers[#answers + 1] = 'n'
    end
  end
  finish()
  return concat(answers)
end

end
