-- release: active -> waiting at its old place, the attempt not counted (a worker is stopping).
-- args: jobs = list of {id, token}
-- returns: how many were released
-- events: waiting
local released = 0
for _, job in ipairs(args.jobs) do
  if held(job.id, job.token) then
    local score = redis.call('HGET', JOB .. job.id, 'score')
    redis.call('ZREM', ACTIVE, job.id)
    redis.call('HDEL', JOB .. job.id, 'token', 'score', 'worker', 'started')
    enqueue(job.id, tonumber(score))
    tell('waiting', job.id, redis.call('HGET', JOB .. job.id, 'trace'))
    released = released + 1
  end
end
return released
