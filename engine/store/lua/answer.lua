-- answer: a command takes what its conversation holds, whatever it says: no other command can take it after that.
-- args: conversation, trace (the command's), asked (optional: the trace of the only question that it may answer)
-- returns: the calls (JSON text), the same again to this command's second run; nil where nothing is held for it
local key = PREFIX .. 'held:' .. args.conversation
local held = redis.call('HMGET', key, 'trace', 'answered', 'calls')
if not held[1] or held[1] == args.trace then return nil end
if args.asked and args.asked ~= held[1] then return nil end
if held[2] then return held[2] == args.trace and held[3] or nil end
redis.call('HSET', key, 'answered', args.trace)
return held[3]
