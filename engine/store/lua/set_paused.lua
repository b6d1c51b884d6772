-- set_paused: stop or start claiming; active jobs finish, new ones are kept.
-- args: paused (boolean), actor
-- returns: 1 if it changed, else 0
-- events: paused | resumed
local flag = args.paused and '1' or '0'
local before = redis.call('HGET', META, 'paused') or '0'
redis.call('HSET', META, 'paused', flag)
local changed = before ~= flag
if changed then
  tell(args.paused and 'paused' or 'resumed', '')
  audit(args.paused and 'pause' or 'resume', 0)
end
if not args.paused then wake() end
return changed and 1 or 0
