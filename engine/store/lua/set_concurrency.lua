-- set_concurrency: how many jobs of this queue each worker process runs at once, from now on.
-- args: concurrency (0: back to the workers' own setting), actor, reason
-- returns: the override before, or 0
-- events: concurrency
local before = depths()
local was = redis.call('HGET', META, 'concurrency') or '0'
if args.concurrency > 0 then
  redis.call('HSET', META, 'concurrency', int(args.concurrency))
else
  redis.call('HDEL', META, 'concurrency')
end
if was ~= int(args.concurrency) then
  tell('concurrency', '')
  audit('set-concurrency', 0, before)
end
wake()
return done(tonumber(was))
