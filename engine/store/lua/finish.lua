-- finish: active -> completed, with the result; its follow-ups go to the outbox in the same step. Where somebody waits
--         for it, the result can be had for a while although its retention keeps nothing.
-- args: jobs = list of {id, token, result (JSON text), processing_ms, outbox = list of JSON texts (optional),
--       keep_ms, keep_count (optional: this job's own retention)}, keep_ms, keep_count
-- returns: a list of 1 (done) and 0 (not ours any more: nothing changed)
-- events: completed
local reply, ended, kept, dropped = {}, {}, {}, {}
local finished, ended_at = 0, int(now)
-- Of a batch larger than what is kept, the first would be dropped again at once: they are not written.
local surplus = #args.jobs - args.keep_count
for i, job in ipairs(args.jobs) do
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
  trim(COMPLETED, args.keep_ms, args.keep_count)
  for _, job in ipairs(args.jobs) do
    if job.keep_ms or (job.keep_count or 0) > 0 then trim(COMPLETED, job.keep_ms, job.keep_count) end
  end
end
return done(reply)
