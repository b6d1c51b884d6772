-- sample: one queue's numbers for the console, read in one step.
-- args: minutes = how many minutes of history to give, the running one included
-- returns: {now, waiting, delayed, active, completed, failed, paused since or -1, concurrency override or -1,
--           completed ever, failed ever, oldest waiting since or -1, minutes}
--   a minute: {its number, its hash as a flat list}
-- The oldest waiting job is the head of one of the priorities: look at each head.
local oldest, head = -1, redis.call('ZRANGE', WAIT, 0, 0, 'WITHSCORES')
while #head == 2 do
  local since = redis.pcall('HMGET', JOB .. head[1], 'queued', 'created')
  since = number(since[1] or since[2], -1)
  if oldest < 0 or (since >= 0 and since < oldest) then oldest = since end
  local here = tonumber(head[2])
  local above = (math.floor(here / PRIORITY_STEP) + 1) * PRIORITY_STEP
  -- A place that no priority has (somebody's hand was there) would be found for ever.
  if not (above > here and above < 1e17) then break end
  head = redis.call('ZRANGEBYSCORE', WAIT, int(above), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
end
local meta = redis.call('HMGET', META, 'paused', 'concurrency', 'completed_total', 'failed_total', 'paused_at')
local minutes, current = {}, math.floor(now / 60000)
for minute = current - args.minutes + 1, current do
  local counts = redis.pcall('HGETALL', PREFIX .. 'metrics:1m:' .. minute)
  if #counts > 0 then minutes[#minutes + 1] = { minute, counts } end
end
return { int(now), redis.call('ZCARD', WAIT), redis.call('ZCARD', DELAYED), redis.call('ZCARD', ACTIVE),
  redis.call('ZCARD', COMPLETED), redis.call('ZCARD', FAILED), meta[1] == '1' and int(number(meta[5], 0)) or '-1',
  int(number(meta[2], -1)), int(number(meta[3], 0)), int(number(meta[4], 0)), int(oldest), minutes }
