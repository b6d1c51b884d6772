-- fail: an attempt ended in an error: active -> delayed for another attempt, or -> failed for good.
-- args: id, token, error, traceback, permanent, retry_after_ms (optional), jitter (0..1, a random share), keep_ms
-- returns: {'retrying', delay ms} | {'failed'} | {'lost'}
-- events: retrying | failed
if not held(args.id, args.token) then return { 'lost' } end
local key = JOB .. args.id
local options = cjson.decode(redis.call('HGET', key, 'options'))
local made = redis.call('HINCRBY', key, 'made', 1)
redis.call('ZREM', ACTIVE, args.id)
redis.call('HDEL', key, 'token', 'score')
if args.permanent or made >= options.attempts then
  bury(args.id, args.error, args.traceback)
  trim(FAILED, args.keep_ms)
  return { 'failed' }
end
-- BullMQ's exponential back-off: backoff, 2 x backoff, 4 x backoff, ...
local delay = options.backoff_ms
if options.backoff == 'exponential' then delay = delay * 2 ^ math.min(made - 1, 20) end
delay = delay * (1 - (options.jitter or 0) * args.jitter)
delay = math.floor(args.retry_after_ms or delay)
redis.call('HSET', key, 'state', 'delayed', 'due', int(now + delay), 'error', args.error, 'traceback', args.traceback)
redis.call('ZADD', DELAYED, int(now + delay), args.id)
count('retried')
tell('retrying', args.id, redis.call('HGET', key, 'trace'))
wake()
return { 'retrying', int(delay) }
