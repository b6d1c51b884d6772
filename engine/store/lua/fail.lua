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
remember_attempt(args.id, args.error, args.traceback)
if redis.call('SREM', CANCELS, args.id) == 1 then args.permanent = true end
if args.permanent or made >= number(options.attempts, 1) then
  bury(args.id, args.error, args.traceback, args.group)
  trim(FAILED, args.keep_ms, args.keep_count)
  if options.keep_failed_count == 0 then
    forget(FAILED, { args.id })
  elseif options.keep_failed_ms or options.keep_failed_count then
    trim(FAILED, options.keep_failed_ms, options.keep_failed_count)
  end
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
