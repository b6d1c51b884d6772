-- keep_answer: keep one of the answers that a running job has got, and tell how many there are, in one step. What was
--              paid for is kept even if the job is not ours any more, unless it has ended well: its result has them all.
-- args: id, token, number (its key), answer (JSON text), of (how many are wanted)
-- returns: 1, or 0 where the job is not ours any more
-- events: progress
local key = JOB .. args.id
local state = redis.pcall('HGET', key, 'state')
if type(state) ~= 'string' or state == 'completed' then return 0 end
redis.call('HSET', ANSWERS .. args.id, args.number, args.answer)
redis.call('HSET', key, 'answers', '1')
if not held(args.id, args.token) then return 0 end
redis.call('HSET', key, 'progress', cjson.encode({ done = redis.call('HLEN', ANSWERS .. args.id), of = args.of }))
tell('progress', args.id, trace_of(args.id))
return done(1)
