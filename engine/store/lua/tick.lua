-- tick: what a worker does each second: promote due delayed jobs, note the depths for the charts, learn what
--       an operator has changed, and set the marker again where jobs wait (it is lost with a worker that dies).
-- returns: {how many were promoted, concurrency override or -1, ids of active jobs to cancel}
-- events: promoted
local promoted = promote_due()
local gauges = { 'oldest', '' }
for state, zset in pairs(STATES) do
  gauges[#gauges + 1] = 'depth:' .. state
  gauges[#gauges + 1] = redis.call('ZCARD', zset)
end
-- The oldest waiting job of the first priority: near enough for a chart, the live figure is exact.
local first = redis.call('ZRANGE', WAIT, 0, 0)[1]
if first then
  local since = redis.pcall('HMGET', JOB .. first, 'queued', 'created')
  gauges[2] = int(math.max(0, now - number(since[1] or since[2], now)))
else
  gauges[2] = '0'
end
for prefix, span in pairs({ ['metrics:1m:'] = { 60000, 172800 }, ['metrics:1h:'] = { 3600000, 7776000 } }) do
  local key = PREFIX .. prefix .. math.floor(now / span[1])
  redis.call('HSET', key, unpack(gauges))
  redis.call('EXPIRE', key, span[2])
end
local meta = redis.call('HMGET', META, 'concurrency', 'paused')
if first and meta[2] ~= '1' then wake() end
local cancels = redis.call('SMEMBERS', CANCELS)
for i = #cancels, 1, -1 do
  if not redis.call('ZSCORE', ACTIVE, cancels[i]) then
    redis.call('SREM', CANCELS, cancels[i])
    table.remove(cancels, i)
  end
end
return done({ promoted, meta[1] or '-1', cancels })
