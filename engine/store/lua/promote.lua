-- promote: delayed -> waiting: every due job, or the one named although it is not due.
-- args: id (optional), actor (with id)
-- returns: how many were promoted
-- events: promoted
if not args.id then return promote_due() end
if redis.call('ZREM', DELAYED, args.id) == 0 then return 0 end
redis.call('HDEL', JOB .. args.id, 'due')
enqueue(args.id)
tell('promoted', args.id, redis.call('HGET', JOB .. args.id, 'trace'))
audit('promote', 1)
return 1
