-- recover: jobs whose lease ran out (their worker died) -> waiting at their old place,
--          or -> failed where that happened more than max_stalled times, or where they were to be cancelled.
--          Where nobody has looked for longer than `gap_ms`, Redis or all workers were stopped meanwhile and leases say
--          nothing: the workers get half a lease to show that they live.
-- args: max_stalled, keep_ms, keep_count (optional), gap_ms and lease_ms (optional)
-- returns: {recovered ids, failed ids}
-- events: stalled | failed
local recovered, failed = {}, {}
local looked = tonumber(redis.call('HGET', META, 'looked') or now)
redis.call('HSET', META, 'looked', int(now))
if args.gap_ms and now - looked > args.gap_ms then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', int(now), 'LIMIT', 0, BATCH)) do
    redis.call('ZADD', ACTIVE, int(now + args.lease_ms / 2), id)
  end
  redis.call('HSET', META, 'looked', int(looked)) -- there may be more of them: they are prolonged by the next call
  if redis.call('ZCOUNT', ACTIVE, '-inf', int(now)) == 0 then redis.call('HSET', META, 'looked', int(now)) end
  return { recovered, failed }
end
local worker_lost = 'The job lost its worker more often than allowed (' .. args.max_stalled .. '). Does it crash the worker? '
  .. 'Look at the worker log, then retry it.'
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', int(now), 'LIMIT', 0, BATCH)) do
  local key = JOB .. id
  redis.call('ZREM', ACTIVE, id)
  if is_job(id) then
    local score = redis.call('HGET', key, 'score')
    redis.call('HDEL', key, 'token', 'score')
    local stalled = number(redis.call('HGET', key, 'stalled'), 0) + 1
    redis.call('HSET', key, 'stalled', int(stalled))
    count('stalled', redis.call('HGET', key, 'name'))
    local cancel = cancelled(id)
    if cancel then
      remember_attempt(id, 'Its worker died.')
      bury(id, cancel)
      failed[#failed + 1] = id
    elseif stalled > args.max_stalled then
      remember_attempt(id, 'Its worker died.')
      bury(id, worker_lost, '', { signature = 'stalled', title = 'The job lost its worker too often', kind = 'Stalled' })
      failed[#failed + 1] = id
    else
      remember_attempt(id, 'Its worker died; the attempt is not counted.')
      enqueue(id, number(score))
      tell('stalled', id, trace_of(id))
      recovered[#recovered + 1] = id
    end
  end
end
for _, id in ipairs(failed) do keep_failed(id) end
return done({ recovered, failed })
