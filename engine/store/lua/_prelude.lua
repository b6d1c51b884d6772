-- Put before every script. Names the keys, the arguments (one JSON object) and Redis's own clock, and holds the
-- steps that several transitions share. KEYS[1] is the queue's prefix, `{hark:<queue>}:`; every key begins with it,
-- so all share one Cluster slot. (One key in place of twenty: a call costs a third less to send.)
local PREFIX = KEYS[1]
local WAIT, DELAYED, ACTIVE = PREFIX .. 'wait', PREFIX .. 'delayed', PREFIX .. 'active'
local COMPLETED, FAILED = PREFIX .. 'completed', PREFIX .. 'failed'
local META, EVENTS, OUTBOX = PREFIX .. 'meta', PREFIX .. 'events', PREFIX .. 'outbox'
local JOB, LOG, GROUP, GONE = PREFIX .. 'job:', PREFIX .. 'log:', PREFIX .. 'group:', PREFIX .. 'gone:'
local GROUPS, QUARANTINE, CANCELS = PREFIX .. 'groups', PREFIX .. 'quarantine', PREFIX .. 'cancels'
local ANSWERS = PREFIX .. 'answers:' -- what a job of many requests has got so far
local RESULT, RESULT_MS = PREFIX .. 'result:', 300000 -- what an awaited job came to
local args = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local BATCH = 1000
local PRIORITY_STEP = 281474976710656 -- 2^48
local STATES = { waiting = WAIT, delayed = DELAYED, active = ACTIVE, completed = COMPLETED, failed = FAILED }
local QUARANTINE_MS = 86400000

-- Numbers beyond 2^31 must not reach Redis as 1.7e+12.
local function int(number) return string.format('%.0f', number) end

-- A number from a record, which anybody may have spoilt; `nan` and `inf` are numbers to Lua, but no times or counts.
local function number(text, otherwise)
  local found = tonumber(text)
  return found and found > -9e15 and found < 9e15 and found or otherwise
end

-- Whether an id has a record. A key of another type would break a script in the middle.
local function is_job(id) return redis.call('TYPE', JOB .. id).ok == 'hash' end

-- Events gathered by kind and told at the end, up to 20 jobs an entry: a list of ids, or {id, trace} for a job of
-- another's trace; most jobs are their own.
local told = {}
local function tell(event, id, trace)
  local jobs = told[event]
  if not jobs then
    jobs = {}
    told[event] = jobs
    told[#told + 1] = event
  end
  jobs[#jobs + 1] = trace and trace ~= id and { id, trace } or id
end

local function tell_all()
  for _, event in ipairs(told) do
    local jobs = told[event]
    for first = 1, #jobs, 20 do
      local part = #jobs > 20 and { unpack(jobs, first, math.min(first + 19, #jobs)) } or jobs
      redis.call('XADD', EVENTS, 'MAXLEN', '~', 5000, '*', 'event', event, 'jobs', cjson.encode(part))
    end
  end
end

-- Figures gathered by job type and field, and added to the running minute and hour at the end.
local counted = {}
local function count(field, name, by)
  local fields = counted[name or '']
  if not fields then
    fields = {}
    counted[name or ''] = fields
  end
  fields[field] = (fields[field] or 0) + (by or 1)
end

-- A quarter-octave histogram (engine/histogram.py reads it): bucket 0 is under 1 ms, bucket b begins at 2^((b-1)/4).
local buckets = {} -- the names of fields, each made once a call
local function observe(kind, name, ms)
  ms = math.max(0, number(ms, 0))
  local bucket = ms < 1 and 0 or math.floor(math.log(ms) / math.log(2) * 4 + 1e-9) + 1
  local fields = buckets[kind]
  if not fields then
    fields = { sum = kind .. 'sum' }
    buckets[kind] = fields
  end
  local field = fields[bucket]
  if not field then
    field = kind .. bucket
    fields[bucket] = field
  end
  count(field, name)
  if ms >= 1 then count(fields.sum, name, math.floor(ms)) end
end

local function count_all()
  if not next(counted) then return end
  local minute = PREFIX .. 'metrics:1m:' .. math.floor(now / 60000)
  local hour = PREFIX .. 'metrics:1h:' .. math.floor(now / 3600000)
  for name, fields in pairs(counted) do
    for field, by in pairs(fields) do
      field = field .. '@' .. name
      -- A field's first count may be the key's first: only then can it lack its end.
      if redis.call('HINCRBY', minute, field, by) == by then redis.call('EXPIRE', minute, 172800) end
      if redis.call('HINCRBY', hour, field, by) == by then redis.call('EXPIRE', hour, 7776000) end
    end
  end
end

-- Every script that changes something ends with this.
local function done(reply)
  tell_all()
  count_all()
  return reply
end

local function depths()
  local found = {}
  for state, zset in pairs(STATES) do found[state] = redis.call('ZCARD', zset) end
  return cjson.encode(found)
end

-- Record an operator's action: who, when (the entry's id), what, why, to how many jobs, the depths before and after.
-- An action that takes several calls has one `action_id`, and one row that grows while nobody acts in between.
local function audit(action, touched, before)
  local asked = {}
  local last = args.action_id and redis.call('XREVRANGE', PREFIX .. 'audit', '+', '-', 'COUNT', 1)[1]
  if last then
    local row = {}
    for i = 1, #last[2], 2 do row[last[2][i]] = last[2][i + 1] end
    if row.action_id == args.action_id and row.action == action then
      touched, before = touched + tonumber(row.touched), row.before
      redis.call('XDEL', PREFIX .. 'audit', last[1])
    end
  end
  for name, value in pairs(args) do
    if name == 'ids' then asked.ids = #value elseif name ~= 'actor' and name ~= 'reason' then asked[name] = value end
  end
  redis.call('XADD', PREFIX .. 'audit', 'MAXLEN', '~', 10000, '*', 'actor', args.actor or '', 'action', action,
    'reason', args.reason or '', 'action_id', args.action_id or '', 'touched', touched, 'before', before,
    'after', depths(), 'args', cjson.encode(asked))
end

local function wake() redis.call('ZADD', PREFIX .. 'marker', 0, '0') end

local function trace_of(id) return redis.call('HGET', JOB .. id, 'trace') or id end

local function options_of(id)
  local fine, options = pcall(cjson.decode, redis.call('HGET', JOB .. id, 'options') or '{}')
  return fine and type(options) == 'table' and options or {}
end

-- The last place among its priority's jobs.
local function next_score(priority)
  return math.max(1, math.min(16, number(priority, 1))) * PRIORITY_STEP + redis.call('HINCRBY', META, 'sequence', 1)
end

-- To waiting, from a state that the caller has already taken it out of.
local function enqueue(id, score)
  redis.call('ZADD', WAIT, int(score and score < 2 ^ 53 and score or next_score(options_of(id).priority)), id)
  redis.call('HSET', JOB .. id, 'state', 'waiting', 'queued', int(now))
  wake()
end

-- A failed job leaves its group of failures.
local function ungroup(id)
  local signature = redis.call('HGET', JOB .. id, 'signature')
  if signature then redis.call('ZREM', GROUP .. signature .. ':ids', id) end
end

local function forget(zset, ids)
  if #ids == 0 then return 0 end
  local records = {}
  for _, id in ipairs(ids) do
    if zset == FAILED then ungroup(id) end
    records[#records + 1] = JOB .. id
    records[#records + 1] = LOG .. id
    if zset ~= COMPLETED then records[#records + 1] = ANSWERS .. id end -- a completed one's are in its result
  end
  redis.call('ZREM', zset, unpack(ids))
  redis.call('UNLINK', unpack(records))
  return #ids
end

-- Out of `state`, kept for a day under the operator's action: they can be restored, and new jobs may have their ids.
-- Returns how many.
local function quarantine(state, ids)
  local zset, batch, gone = STATES[state], GONE .. args.action_id, 0
  local function keep(key, part, id)
    if redis.call('EXISTS', key) == 0 then return false end
    redis.call('RENAME', key, batch .. part .. id)
    redis.call('PEXPIRE', batch .. part .. id, QUARANTINE_MS)
    return true
  end
  for _, id in ipairs(ids) do
    local score = redis.call('ZSCORE', zset, id)
    if score then
      if zset == FAILED then ungroup(id) end
      if zset == ACTIVE then redis.call('SREM', CANCELS, id) end
      redis.call('ZREM', zset, id)
      if keep(JOB .. id, ':job:', id) then
        keep(LOG .. id, ':log:', id)
        keep(ANSWERS .. id, ':answers:', id)
        redis.call('ZADD', batch .. ':ids', score, id)
        gone = gone + 1
      end
    end
  end
  if gone > 0 then
    redis.call('ZREMRANGEBYSCORE', QUARANTINE, '-inf', int(now))
    redis.call('ZADD', QUARANTINE, int(now + QUARANTINE_MS), args.action_id)
    redis.call('HSETNX', batch, 'at', int(now))
    redis.call('HSET', batch, 'actor', args.actor or '', 'reason', args.reason or '')
    redis.call('HINCRBY', batch, state, gone)
    redis.call('PEXPIRE', batch, QUARANTINE_MS)
    redis.call('PEXPIRE', batch .. ':ids', QUARANTINE_MS)
  end
  return gone
end

-- Move due delayed jobs to waiting; returns how many.
local function promote_due()
  local due = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', int(now), 'LIMIT', 0, BATCH)
  for _, id in ipairs(due) do
    redis.call('ZREM', DELAYED, id)
    if is_job(id) then
      redis.call('HDEL', JOB .. id, 'due')
      enqueue(id)
      tell('promoted', id, trace_of(id))
    end
  end
  return #due
end

-- Drop finished jobs beyond their age and number.
local function trim(zset, keep_ms, keep_count)
  local gone = 0
  if keep_ms then
    gone = forget(zset, redis.call('ZRANGEBYSCORE', zset, '-inf', int(now - keep_ms), 'LIMIT', 0, BATCH))
  end
  local excess = keep_count and redis.call('ZCARD', zset) - keep_count or 0
  if excess > 0 then gone = gone + forget(zset, redis.call('ZRANGE', zset, 0, math.min(excess, BATCH) - 1)) end
  return gone
end

-- The job is still this worker's: active, and under the token it was claimed with.
local function held(id, token) return redis.pcall('HGET', JOB .. id, 'token') == token end

-- Add one ended attempt to the job's history, the last ten kept; tracebacks at full length only in the last.
local function remember_attempt(id, error, traceback)
  local key = JOB .. id
  local job = redis.call('HMGET', key, 'history', 'started', 'worker', 'made')
  local fine, history = pcall(cjson.decode, job[1] or '[]')
  if not fine or type(history) ~= 'table' then history = {} end
  while #history >= 10 do table.remove(history, 1) end
  history[#history + 1] = { number = number(job[4], 0), started_at_ms = number(job[2], 0),
    ended_at_ms = now, worker = job[3] or '', error = error, traceback = string.sub(traceback or '', -4000) }
  redis.call('HSET', key, 'history', cjson.encode(history))
end

-- Drop failed jobs beyond what is kept: the queue's retention, or this job's own.
local function keep_failed(id)
  trim(FAILED, args.keep_ms, args.keep_count)
  local options = options_of(id)
  if options.keep_failed_count == 0 then
    forget(FAILED, { id })
  elseif options.keep_failed_ms or options.keep_failed_count then
    trim(FAILED, number(options.keep_failed_ms), number(options.keep_failed_count))
  end
end

-- Whether an operator wanted a running job to end; with the words for it.
local function cancelled(id)
  if redis.call('SREM', CANCELS, id) == 0 then return nil end
  local words = redis.call('HGET', JOB .. id, 'cancel') or 'Cancelled by an operator.'
  redis.call('HDEL', JOB .. id, 'cancel')
  return words
end

-- The end of a job that somebody waits for, there for a while whatever becomes of its record.
local function leave_result(id, state, text)
  redis.call('SET', RESULT .. id, cjson.encode({ state, text }), 'PX', RESULT_MS)
end

-- Out of active into failed for good. `group` = {signature, title, kind} puts it among its like.
local function bury(id, message, traceback, group)
  local key = JOB .. id
  local job = redis.call('HMGET', key, 'name', 'trace', 'awaited')
  if job[3] then leave_result(id, 'failed', message) end
  redis.call('HSET', key, 'state', 'failed', 'finished', int(now), 'error', message, 'traceback', traceback or '')
  redis.call('ZADD', FAILED, int(now), id)
  redis.call('HINCRBY', META, 'failed_total', 1)
  count('failed', job[1])
  tell('failed', id, job[2] or id)
  if group then
    local place = GROUP .. group.signature
    redis.call('HSET', key, 'signature', group.signature)
    redis.call('ZADD', place .. ':ids', int(now), id)
    redis.call('ZADD', GROUPS, int(now), group.signature)
    redis.call('HSETNX', place, 'first', int(now))
    redis.call('HSET', place, 'title', group.title, 'kind', group.kind, 'name', job[1] or '', 'last', int(now), 'sample', id)
    redis.call('HINCRBY', place, 'count', 1)
    count('group:' .. group.signature, job[1])
  end
end

-- A new job into waiting or delayed; false where its id exists. With `waiting`, a list, the caller puts what is
-- gathered there into WAIT: one call for many.
local function add_job(job, sequence, waiting)
  local key = JOB .. job.id
  if redis.call('EXISTS', key) == 1 then return false end
  local delayed = job.delay_ms > 0
  local fields = { 'name', job.name, 'data', job.data, 'options', job.options, 'created', now,
    'state', delayed and 'delayed' or 'waiting' }
  if job.awaited then
    redis.call('UNLINK', RESULT .. job.id) -- of an earlier job of this id
    fields[#fields + 1] = 'awaited'; fields[#fields + 1] = '1'
  end
  for _, name in ipairs({ 'trace', 'parent' }) do
    if job[name] then fields[#fields + 1] = name; fields[#fields + 1] = job[name] end
  end
  if delayed then
    local due = int(now + job.delay_ms)
    redis.call('HSET', key, 'due', due, unpack(fields))
    redis.call('ZADD', DELAYED, due, job.id)
  else
    redis.call('HSET', key, unpack(fields))
    local place = int(math.max(1, math.min(16, job.priority)) * PRIORITY_STEP + sequence)
    if waiting then
      waiting[#waiting + 1] = place
      waiting[#waiting + 1] = job.id
    else
      redis.call('ZADD', WAIT, place, job.id)
    end
  end
  tell(delayed and 'delayed' or 'waiting', job.id, job.trace or job.id)
  count('added', job.name)
  return true
end

-- Active -> completed, with the results; follow-ups go to the outbox in the same step. Where somebody waits for a job,
-- its result can be had for a while although its retention keeps nothing. Returns a list of 1 (done) and 0 (not ours).
local function complete(jobs, keep_ms, keep_count)
  local reply, ended, kept, dropped = {}, {}, {}, {}
  local finished, ended_at = 0, int(now)
  -- Of a batch larger than what is kept, the first would be dropped again at once: they are not written.
  local surplus = #jobs - keep_count
  for i, job in ipairs(jobs) do
    local key = JOB .. job.id
    local record = redis.pcall('HMGET', key, 'token', 'trace', 'name', 'made', 'error', 'awaited', 'answers')
    if record[1] == job.token then
      ended[#ended + 1] = job.id
      if i <= surplus or job.keep_count == 0 then
        dropped[#dropped + 1] = key
        dropped[#dropped + 1] = LOG .. job.id
      else
        -- An empty token is nobody's; to delete the field would be one more call for each job.
        redis.call('HSET', key, 'state', 'completed', 'result', job.result, 'finished', ended_at,
          'made', number(record[4], 0) + 1, 'token', '')
        if record[5] then redis.call('HDEL', key, 'error', 'traceback') end
        kept[#kept + 1] = ended_at
        kept[#kept + 1] = job.id
      end
      if record[6] then leave_result(job.id, 'completed', job.result) end
      if record[7] then dropped[#dropped + 1] = ANSWERS .. job.id end -- the result has them
      for _, follow_up in ipairs(job.outbox or {}) do redis.call('RPUSH', OUTBOX, follow_up) end
      tell('completed', job.id, record[2] or job.id)
      count('completed', record[3])
      observe('p', record[3], job.processing_ms)
      finished = finished + 1
      reply[i] = 1
    else
      reply[i] = 0
    end
  end
  if finished > 0 then
    redis.call('ZREM', ACTIVE, unpack(ended))
    redis.call('SREM', CANCELS, unpack(ended)) -- it was done before its worker heard
    if #kept > 0 then redis.call('ZADD', COMPLETED, unpack(kept)) end
    if #dropped > 0 then redis.call('UNLINK', unpack(dropped)) end
    redis.call('HINCRBY', META, 'completed_total', finished)
    trim(COMPLETED, keep_ms, keep_count)
    for _, job in ipairs(jobs) do
      if job.keep_ms or (job.keep_count or 0) > 0 then trim(COMPLETED, job.keep_ms, job.keep_count) end
    end
  end
  return reply
end
