-- hold: keep what a command would do until the person says yes, in place of what an earlier command held.
-- args: conversation, trace (the command's), calls (JSON text), keep_ms
-- returns: 1, or 0 where this command's question was answered or passed over already: it is not asked again
local key = PREFIX .. 'held:' .. args.conversation
local held = redis.call('HMGET', key, 'trace', 'answered')
if held[1] == args.trace and held[2] then return 0 end
redis.call('DEL', key)
redis.call('HSET', key, 'trace', args.trace, 'calls', args.calls)
redis.call('PEXPIRE', key, args.keep_ms)
return 1
