-- progress: a running job tells how far it is, or leaves a line in its log.
-- args: id, token, progress (JSON text) | line, keep_lines
-- returns: 1, or 0 where the job is not ours any more
-- events: progress | logged
if not held(args.id, args.token) then return 0 end
if args.progress then
  redis.call('HSET', JOB .. args.id, 'progress', args.progress)
  tell('progress', args.id, trace_of(args.id))
end
if args.line then
  redis.call('RPUSH', LOG .. args.id, cjson.encode({ now, args.line }))
  redis.call('LTRIM', LOG .. args.id, -args.keep_lines, -1)
  tell('logged', args.id, trace_of(args.id))
end
return done(1)
