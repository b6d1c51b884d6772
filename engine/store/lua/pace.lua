-- pace: hold an outside service for one job, and book the moment of its next call: all workers together call it one
--       after the other, and no faster than it allows.
-- args: service, token (the job's id: its next run goes on holding it), lease_ms, spacing_ms
-- returns: {'mine', ms until the call's moment}, {'held', ms until the other job's hold ends by itself},
--          or {'paused', ms that the service wants to be left alone}
local own = PREFIX .. 'pacing:' .. args.service
local holder = redis.call('GET', own .. ':holder')
if holder and holder ~= args.token then return { 'held', redis.call('PTTL', own .. ':holder') } end
local paused = redis.call('PTTL', own .. ':pause')
if paused > 0 then return { 'paused', paused } end
redis.call('SET', own .. ':holder', args.token, 'PX', int(args.lease_ms))
local booked = number(redis.call('GET', own .. ':next'), 0)
local moment = math.max(now, math.min(booked, now + args.spacing_ms))
redis.call('SET', own .. ':next', int(moment + args.spacing_ms), 'PX', int(2 * args.spacing_ms + 1000))
return { 'mine', moment - now }
