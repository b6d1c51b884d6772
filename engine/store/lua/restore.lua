-- restore: bring the jobs of one clean or removal back to where they were.
-- args: batch (the action's id), limit, offset (how many to pass over, skipped before), actor, reason, action_id
-- returns: {restored, skipped (a new job has the id: it stays in the batch), 1 where there may be more, else 0}
-- events: restored
local before = depths()
local batch = GONE .. args.batch
local limit = math.min(args.limit, BATCH)
local kept_ids = redis.call('ZRANGE', batch .. ':ids', args.offset, args.offset + limit - 1, 'WITHSCORES')
local restored, skipped = 0, 0
for i = 1, #kept_ids, 2 do
  local id, place = kept_ids[i], kept_ids[i + 1]
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
    for part, place_of in pairs({ [':log:'] = LOG, [':answers:'] = ANSWERS }) do
      if redis.call('EXISTS', batch .. part .. id) == 1 then
        redis.call('RENAME', batch .. part .. id, place_of .. id)
        redis.call('PERSIST', place_of .. id)
      end
    end
    local job = redis.call('HMGET', key, 'state', 'signature', 'trace')
    if job[1] == 'waiting' then
      enqueue(id, tonumber(place))
    elseif job[1] == 'active' then
      redis.call('HDEL', key, 'token', 'score')
      enqueue(id)
    else
      redis.call('ZADD', STATES[job[1]] or FAILED, place, id)
      if job[1] == 'failed' and job[2] then redis.call('ZADD', GROUP .. job[2] .. ':ids', place, id) end
    end
    tell('restored', id, job[3] or id)
    restored = restored + 1
  end
end
if redis.call('EXISTS', batch .. ':ids') == 0 then
  redis.call('UNLINK', batch)
  redis.call('ZREM', QUARANTINE, args.batch)
end
if restored > 0 then audit('restore', restored, before) end
return done({ restored, skipped, #kept_ids == limit * 2 and 1 or 0 })
