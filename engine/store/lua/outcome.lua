-- outcome: what a job has come to, for one who waits for it. One that has not ended is marked: what it comes to can then
--          be had for a while whatever its retention.
-- args: id
-- returns: {state, result (JSON text) or error}; {} where nobody knows any more
local key = JOB .. args.id
local job = redis.pcall('HMGET', key, 'state', 'result', 'error', 'awaited')
if job[1] then
  if job[1] == 'completed' then return { job[1], job[2] or 'null' } end
  if job[1] == 'failed' then return { job[1], job[3] or '' } end
  if not job[4] then
    redis.call('UNLINK', RESULT .. args.id) -- of an earlier job of this id
    redis.call('HSET', key, 'awaited', '1')
  end
  return { job[1], '' }
end
local left = redis.call('GET', RESULT .. args.id)
return left and cjson.decode(left) or {}
