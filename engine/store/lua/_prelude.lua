-- Put before every script. Names the keys (one tuple for all scripts, see store/keys.py), the arguments
-- (one JSON object), Redis's own clock, and the few steps that several transitions share.
local WAIT, DELAYED, ACTIVE, COMPLETED, FAILED, META, EVENTS, OUTBOX, MARKER, AUDIT, JOB, MINUTE =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local args = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local minute = MINUTE .. math.floor(now / 60000)
local BATCH = 1000
local PRIORITY_STEP = 281474976710656 -- 2^48
local STATES = { waiting = WAIT, delayed = DELAYED, active = ACTIVE, completed = COMPLETED, failed = FAILED }

-- Numbers beyond 2^31 must not reach Redis as 1.7e+12.
local function int(number) return string.format('%.0f', number) end

local function tell(event, id, trace)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 10000, '*', 'event', event, 'id', id, 'trace', trace or '')
end

local function count(field, by)
  redis.call('HINCRBY', minute, field, int(by or 1))
  redis.call('EXPIRE', minute, 172800)
end

-- Record an operator's action: who, when (the entry's id), what, to how many jobs.
local function audit(action, touched)
  redis.call('XADD', AUDIT, 'MAXLEN', '~', 10000, '*',
    'actor', args.actor or '', 'action', action, 'touched', touched, 'args', ARGV[1])
end

local function wake() redis.call('ZADD', MARKER, 0, '0') end

-- The last place among its priority's jobs.
local function next_score(priority)
  return priority * PRIORITY_STEP + redis.call('HINCRBY', META, 'sequence', 1)
end

-- To waiting, from a state that the caller has already taken it out of.
local function enqueue(id, score)
  local key = JOB .. id
  score = score or next_score(cjson.decode(redis.call('HGET', key, 'options')).priority)
  redis.call('ZADD', WAIT, int(score), id)
  redis.call('HSET', key, 'state', 'waiting', 'queued', int(now))
  wake()
end

local function forget(zset, ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', zset, id)
    redis.call('UNLINK', JOB .. id)
  end
  return #ids
end

-- Move due delayed jobs to waiting; returns how many.
local function promote_due()
  local due = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', int(now), 'LIMIT', 0, BATCH)
  for _, id in ipairs(due) do
    redis.call('ZREM', DELAYED, id)
    redis.call('HDEL', JOB .. id, 'due')
    enqueue(id)
    tell('promoted', id, redis.call('HGET', JOB .. id, 'trace'))
  end
  return #due
end

-- Drop finished jobs beyond their age and number.
local function trim(zset, keep_ms, keep_count)
  local gone = forget(zset, redis.call('ZRANGEBYSCORE', zset, '-inf', int(now - keep_ms), 'LIMIT', 0, BATCH))
  local excess = keep_count and redis.call('ZCARD', zset) - keep_count or 0
  if excess > 0 then
    gone = gone + forget(zset, redis.call('ZRANGE', zset, 0, math.min(excess, BATCH) - 1))
  end
  return gone
end

-- The job is still this worker's: active, and under the token it was claimed with.
local function held(id, token)
  return redis.call('HGET', JOB .. id, 'token') == token
end

-- Out of active into failed for good.
local function bury(id, message, traceback)
  local key = JOB .. id
  redis.call('HSET', key, 'state', 'failed', 'finished', int(now), 'error', message, 'traceback', traceback or '')
  redis.call('ZADD', FAILED, int(now), id)
  redis.call('HINCRBY', META, 'failed_total', 1)
  count('failed')
  tell('failed', id, redis.call('HGET', key, 'trace'))
end
