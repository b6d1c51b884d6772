-- promote: delayed -> waiting, the one named although it is not due.
-- args: id, actor, reason
-- returns: how many were promoted
-- events: promoted
local before = depths()
if redis.call('ZREM', DELAYED, args.id) == 0 then return 0 end
redis.call('HDEL', JOB .. args.id, 'due')
enqueue(args.id)
tell('promoted', args.id, trace_of(args.id))
audit('promote', 1, before)
return done(1)
