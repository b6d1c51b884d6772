-- take: complete jobs that have ended, as `finish` does, then claim up to `count` waiting jobs for a worker; due delayed
--       jobs are promoted first, paused or not. Called again with the same token (its reply was lost on the way), it
--       gives the same jobs again.
-- args: count, lease_ms, token, worker, hand = which of the worker's claims at once this is; ended, keep_ms, keep_count
--       (all optional) as for `finish`
-- returns: {more waiting 0|1, ms until the next delayed job is due or -1, concurrency override or -1, jobs, ended as
--          `finish` returns it}
--   a job: {id, name, data, options, made, created, trace, parent}
-- events: completed, promoted, active
local ended = args.ended and complete(args.ended, args.keep_ms, args.keep_count) or {}
promote_due()
local jobs, leases = {}, {}
local meta = redis.call('HMGET', META, 'paused', 'concurrency')
local paused = meta[1] == '1'
local last_claim = PREFIX .. 'claim:' .. args.worker .. ':' .. args.hand

local function give(id, job)
  jobs[#jobs + 1] = { id, job[1], job[2] or '{}', job[3] or '{}', job[4] or '0', job[5] or '0', job[7] or id, job[8] or '' }
end

if redis.call('GET', last_claim) == args.token then
  for _, id in ipairs(redis.call('ZRANGE', ACTIVE, 0, -1)) do
    if held(id, args.token) then
      redis.call('ZADD', ACTIVE, int(now + args.lease_ms), id)
      give(id, redis.call('HMGET', JOB .. id, 'name', 'data', 'options', 'made', 'created', 'queued', 'trace', 'parent'))
    end
  end
elseif not paused and args.count > 0 then
  local popped = redis.call('ZPOPMIN', WAIT, args.count)
  local started, expiry = int(now), int(now + args.lease_ms)
  for i = 1, #popped, 2 do
    local id = popped[i]
    local key = JOB .. id
    local job = redis.pcall('HMGET', key, 'name', 'data', 'options', 'made', 'created', 'queued', 'trace', 'parent')
    -- An id without a record, or with a key of another type (somebody's hand was there), is dropped.
    if job[1] then
      redis.call('HSET', key, 'state', 'active', 'token', args.token, 'worker', args.worker, 'started', started,
        'score', popped[i + 1])
      leases[#leases + 1] = expiry
      leases[#leases + 1] = id
      tell('active', id, job[7] or id)
      observe('w', job[1], now - number(job[6] or job[5], now))
      give(id, job)
    elseif not job.err then
      redis.call('UNLINK', key)
    end
  end
  if #leases > 0 then
    redis.call('ZADD', ACTIVE, unpack(leases))
    redis.call('SET', last_claim, args.token, 'PX', int(args.lease_ms * 4 + 1000))
  end
end
local more = not paused and redis.call('ZCARD', WAIT) > 0
if more then wake() end
local next_due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
return done({ more and 1 or 0, next_due and int(math.max(0, next_due - now)) or '-1', meta[2] or '-1', jobs, ended })
