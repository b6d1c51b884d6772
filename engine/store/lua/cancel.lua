-- cancel: end a job that has not ended. A waiting or delayed one fails at once; a running one is to be stopped by
--         its worker, which learns of it within a second.
-- args: id, actor, reason, message (the job's error), keep_ms, keep_count (optional)
-- returns: its state before, or '' (no such job)
-- events: cancelling | failed
local before = depths()
local state = redis.call('HGET', JOB .. args.id, 'state')
if not state then return '' end
if state == 'active' then
  redis.call('SADD', CANCELS, args.id)
  redis.call('HSET', JOB .. args.id, 'cancel', args.message)
  tell('cancelling', args.id, trace_of(args.id))
  audit('cancel', 1, before)
elseif state == 'waiting' or state == 'delayed' then
  redis.call('ZREM', STATES[state], args.id)
  redis.call('HDEL', JOB .. args.id, 'due')
  bury(args.id, args.message)
  keep_failed(args.id)
  audit('cancel', 1, before)
end
return done(state)
