-- note_action: write an operator's action that changes no job into the queue's audit trail.
-- args: action, actor, reason, and by name whatever else tells what was done
-- returns: now, ms
local action = args.action
args.action = nil
audit(action, 0, depths())
return done(int(now))
