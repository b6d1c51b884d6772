-- release: active -> waiting at its old place, the attempt not counted (a worker is stopping); a job that was to be
--          cancelled -> failed.
-- args: jobs = list of {id, token}
-- returns: how many were released
-- events: waiting | failed
local released = 0
for _, job in ipairs(args.jobs) do
  if held(job.id, job.token) then
    local score = redis.call('HGET', JOB .. job.id, 'score')
    redis.call('ZREM', ACTIVE, job.id)
    redis.call('HDEL', JOB .. job.id, 'token', 'score', 'worker', 'started')
    local cancel = cancelled(job.id)
    if cancel then
      bury(job.id, cancel)
      keep_failed(job.id)
    else
      enqueue(job.id, number(score))
      tell('waiting', job.id, trace_of(job.id))
    end
    released = released + 1
  end
end
return done(released)
