-- progress: a running job tells how far it is.
-- args: id, token, progress (JSON text)
-- returns: 1, or 0 where the job is not ours any more
-- events: progress
if not held(args.id, args.token) then return 0 end
redis.call('HSET', JOB .. args.id, 'progress', args.progress)
tell('progress', args.id, redis.call('HGET', JOB .. args.id, 'trace'))
return 1
