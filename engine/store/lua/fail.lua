-- fail: an attempt ended in an error: active -> delayed for another attempt, or -> failed for good.
-- args: id, token, error, traceback, permanent, retry_after_ms (optional), jitter (0..1, a random share),
--       keep_ms, keep_count (optional), group = {signature, title, kind}
-- returns: {'retrying', delay ms} | {'failed'} | {'lost'}
-- events: retrying | failed
if not held(args.id, args.token) then return { 'lost' } end
local key = JOB .. args.id
local options = options_of(args.id)
local made = number(redis.call('HGET', key, 'made'), 0) + 1
redis.call('HSET', key, 'made', int(made))
redis.call('ZREM', ACTIVE, args.id)
redis.call('HDEL', key, 'token', 'score')
local cancel = cancelled(args.id)
if cancel then
  args.permanent = true
  -- That somebody ended it is no failure to look into.
  if args.group and args.group.kind == 'Cancelled' then args.error, args.group = cancel, nil end
end
remember_attempt(args.id, args.error, args.traceback)
if args.permanent or made >= number(options.attempts, 1) then
  bury(args.id, args.error, args.traceback, args.group)
  keep_failed(args.id)
  return done({ 'failed' })
end
-- BullMQ's exponential back-off: backoff, 2 x backoff, 4 x backoff, ...
local delay = number(options.backoff_ms, 2000)
if options.backoff ~= 'fixed' then delay = delay * 2 ^ math.min(made - 1, 20) end
delay = delay * (1 - number(options.jitter, 0) * args.jitter)
delay = math.floor(math.max(0, math.min(args.retry_after_ms or delay, 3e11)))
redis.call('HSET', key, 'state', 'delayed', 'due', int(now + delay), 'error', args.error, 'traceback', args.traceback)
redis.call('ZADD', DELAYED, int(now + delay), args.id)
count('retried', redis.call('HGET', key, 'name'))
tell('retrying', args.id, trace_of(args.id))
wake()
return done({ 'retrying', int(delay) })
