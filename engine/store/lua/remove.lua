-- remove: take one job away into the quarantine, unless it is running.
-- args: id, actor, reason, action_id
-- returns: its state before, 'active' (refused), or '' (no such job)
-- events: removed
local before = depths()
local state = redis.call('HGET', JOB .. args.id, 'state')
if not state then return '' end
if state == 'active' then return state end
local trace = trace_of(args.id)
if quarantine(state, { args.id }) == 0 then return '' end
tell('removed', args.id, trace)
audit('remove', 1, before)
return done(state)
