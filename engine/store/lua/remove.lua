-- remove: take one job away, unless it is running.
-- args: id, actor
-- returns: its state before, 'active' (refused), or '' (no such job)
-- events: removed
local state = redis.call('HGET', JOB .. args.id, 'state')
if not state then return '' end
if state == 'active' then return state end
forget(STATES[state], { args.id })
tell('removed', args.id)
audit('remove', 1)
return state
