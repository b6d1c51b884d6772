-- retry: finished jobs -> waiting with all their attempts before them again.
-- args: state ('failed' | 'completed'), ids (optional; else the oldest), before (ms; only jobs finished until then,
--       so that one failing again is not retried in a circle; 0 = now), limit, actor, reason, action_id
-- returns: {how many, the `before` to go on with, 1 where there may be more, else 0}
-- events: waiting
local depths_before = depths()
local zset = STATES[args.state]
local before = args.before > 0 and args.before or now
local limit = math.min(args.limit, BATCH)
local ids = args.ids or redis.call('ZRANGEBYSCORE', zset, '-inf', int(before), 'LIMIT', 0, limit)
local retried = 0
for _, id in ipairs(ids) do
  if redis.call('ZREM', zset, id) == 1 and is_job(id) then
    if zset == FAILED then ungroup(id) end
    redis.call('UNLINK', RESULT .. id)
    redis.call('HDEL', JOB .. id, 'made', 'stalled', 'finished', 'started', 'worker', 'result', 'progress', 'signature',
      'token', 'score', 'cancel')
    enqueue(id)
    tell('waiting', id, trace_of(id))
    retried = retried + 1
  end
end
if retried > 0 then audit('retry', retried, depths_before) end
return done({ retried, int(before), #ids == limit and 1 or 0 })
