-- recover: jobs whose lease ran out (their worker died) -> waiting at their old place,
--          or -> failed where that happened more than max_stalled times.
-- args: max_stalled, keep_ms
-- returns: {recovered ids, failed ids}
-- events: stalled | failed
local recovered, failed = {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', int(now), 'LIMIT', 0, BATCH)) do
  local key = JOB .. id
  local score = redis.call('HGET', key, 'score')
  redis.call('ZREM', ACTIVE, id)
  redis.call('HDEL', key, 'token', 'score')
  if redis.call('HINCRBY', key, 'stalled', 1) > args.max_stalled then
    bury(id, 'The job lost its worker more often than allowed (' .. args.max_stalled .. '). Does it crash the worker? '
      .. 'Look at the worker log, then retry it.')
    failed[#failed + 1] = id
  else
    enqueue(id, tonumber(score))
    tell('stalled', id, redis.call('HGET', key, 'trace'))
    recovered[#recovered + 1] = id
  end
end
if #failed > 0 then trim(FAILED, args.keep_ms) end
return { recovered, failed }
