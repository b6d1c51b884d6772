-- finish: active -> completed, with the result; its follow-ups go to the outbox in the same step.
-- args: jobs = list of {id, token, result (JSON text), processing_ms, outbox = list of JSON texts},
--       keep_ms, keep_count
-- returns: a list of 1 (done) and 0 (not ours any more: nothing changed)
-- events: completed
local reply = {}
local done, spent = 0, 0
for i, job in ipairs(args.jobs) do
  local key = JOB .. job.id
  if held(job.id, job.token) then
    redis.call('ZREM', ACTIVE, job.id)
    redis.call('HDEL', key, 'token', 'score', 'error', 'traceback')
    redis.call('HSET', key, 'state', 'completed', 'result', job.result, 'finished', int(now))
    redis.call('HINCRBY', key, 'made', 1)
    redis.call('ZADD', COMPLETED, int(now), job.id)
    for _, follow_up in ipairs(job.outbox) do redis.call('RPUSH', OUTBOX, follow_up) end
    tell('completed', job.id, redis.call('HGET', key, 'trace'))
    done, spent = done + 1, spent + job.processing_ms
    reply[i] = 1
  else
    reply[i] = 0
  end
end
if done > 0 then
  redis.call('HINCRBY', META, 'completed_total', done)
  count('completed', done)
  count('processing_ms', spent)
  trim(COMPLETED, args.keep_ms, args.keep_count)
end
return reply
