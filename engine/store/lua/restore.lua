-- restore: bring the jobs of one clean or removal back to where they were.
-- args: batch (the action's id), limit, offset (how many to pass over, skipped before), actor, reason, action_id
-- returns: {restored, skipped (a new job has the id: it stays in the batch), 1 where there may be more, else 0}
-- events: restored
local before = depths()
local batch = GONE .. args.batch
local limit = math.min(args.limit, BATCH)
local ids = redis.call('ZRANGE', batch .. ':ids', args.offset, args.offset + limit - 1)
local restored, skipped = 0, 0
for _, id in ipairs(ids) do
  local key = JOB .. id
  local kept = batch .. ':job:' .. id
  if redis.call('EXISTS', kept) == 0 then
    redis.call('ZREM', batch .. ':ids', id) -- its day is over
  elseif redis.call('EXISTS', key) == 1 then
    skipped = skipped + 1
  else
    redis.call('ZREM', batch .. ':ids', id)
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
  end
end
if redis.call('EXISTS', batch .. ':ids') == 0 then
  redis.call('UNLINK', batch)
  redis.call('ZREM', QUARANTINE, args.batch)
end
if restored > 0 then audit('restore', restored, before) end
return done({ restored, skipped, #ids == limit and 1 or 0 })
