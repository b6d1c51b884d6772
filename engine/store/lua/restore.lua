-- restore: bring the jobs of one clean or removal back to where they were.
-- args: batch (the action's id), limit, actor, reason, action_id
-- returns: {restored, skipped (a new job has the id, or its day is over), left}
-- events: restored
local before = depths()
local batch = GONE .. args.batch
local popped = redis.call('ZPOPMIN', batch .. ':ids', math.min(args.limit, BATCH))
local restored, skipped = 0, 0
for i = 1, #popped, 2 do
  local id = popped[i]
  local key = JOB .. id
  local kept = batch .. ':' .. id
  if redis.call('EXISTS', kept) == 1 and redis.call('EXISTS', key) == 0 then
    redis.call('RENAME', kept, key)
    redis.call('PERSIST', key)
    if redis.call('EXISTS', batch .. ':log:' .. id) == 1 then
      redis.call('RENAME', batch .. ':log:' .. id, LOG .. id)
      redis.call('PERSIST', LOG .. id)
    end
    local job = redis.call('HMGET', key, 'state', 'place', 'signature', 'trace')
    redis.call('HDEL', key, 'place', 'token', 'score')
    if job[1] == 'waiting' or job[1] == 'active' then
      enqueue(id, job[1] == 'waiting' and tonumber(job[2]) or nil)
    else
      redis.call('ZADD', STATES[job[1]] or FAILED, job[2], id)
      if job[1] == 'failed' and job[3] then redis.call('ZADD', GROUP .. job[3] .. ':ids', job[2], id) end
    end
    tell('restored', id, job[4] or id)
    restored = restored + 1
  else
    skipped = skipped + 1
  end
end
local left = redis.call('ZCARD', batch .. ':ids')
if left == 0 then
  redis.call('UNLINK', batch)
  redis.call('ZREM', QUARANTINE, args.batch)
end
if restored > 0 then audit('restore', restored, before) end
return done({ restored, skipped, left })
