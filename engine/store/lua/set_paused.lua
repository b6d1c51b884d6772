-- set_paused: stop or start claiming; active jobs finish, new ones are kept.
-- args: paused (boolean), actor, reason
-- returns: 1 if it changed, else 0
-- events: paused | resumed
local before = depths()
local flag = args.paused and '1' or '0'
local changed = (redis.call('HGET', META, 'paused') or '0') ~= flag
redis.call('HSET', META, 'paused', flag)
if changed then
  if args.paused then redis.call('HSET', META, 'paused_at', int(now)) else redis.call('HDEL', META, 'paused_at') end
  tell(args.paused and 'paused' or 'resumed', '')
  audit(args.paused and 'pause' or 'resume', 0, before)
end
if not args.paused then wake() end
return done(changed and 1 or 0)
