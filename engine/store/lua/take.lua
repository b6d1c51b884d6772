-- take: claim up to `count` waiting jobs for a worker; due delayed jobs are promoted first, paused or not.
-- args: count, lease_ms, token, worker
-- returns: {more waiting 0|1, ms until the next delayed job is due or -1, concurrency override or -1, jobs}
--   a job: {id, name, data, options, made, created, queued, trace, parent}
-- events: active
promote_due()
local jobs = {}
local paused = redis.call('HGET', META, 'paused') == '1'
if not paused and args.count > 0 then
  local popped = redis.call('ZPOPMIN', WAIT, args.count)
  for i = 1, #popped, 2 do
    local id = popped[i]
    local key = JOB .. id
    local job = redis.call('HMGET', key, 'name', 'data', 'options', 'made', 'created', 'queued', 'trace', 'parent')
    if job[1] then
      redis.call('HSET', key, 'state', 'active', 'token', args.token, 'worker', args.worker, 'started', int(now),
        'score', popped[i + 1])
      redis.call('ZADD', ACTIVE, int(now + args.lease_ms), id)
      tell('active', id, job[7])
      local queued = job[6] or job[5]
      count('waited', 1)
      count('waiting_ms', now - queued)
      jobs[#jobs + 1] = { id, job[1], job[2] or '{}', job[3] or '{}', job[4] or '0', job[5] or '0', queued or '0',
        job[7] or '', job[8] or '' }
    end
  end
end
local more = not paused and redis.call('ZCARD', WAIT) > 0
if more then wake() end
local next_due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
return { more and 1 or 0, next_due and int(math.max(0, next_due - now)) or "-1", redis.call('HGET', META, 'concurrency') or '-1', jobs }
