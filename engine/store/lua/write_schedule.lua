-- write_schedule: put, change or remove a recurring job, unless another changed it meanwhile.
-- args: id, seen (its record as the caller read it; '' = there is none), record (JSON text; '' removes it), action,
--       actor, reason, once (optional: Hark's own, put there one time ever, so that a removed one stays removed)
-- returns: 1, or 0 (the record is another by now, or `once` was before)
-- events: schedules
local key = PREFIX .. 'schedules'
if args.once and redis.call('HSETNX', META, 'seeded:' .. args.id, 1) == 0 then return 0 end
if (redis.call('HGET', key, args.id) or '') ~= args.seen then return 0 end
local before = depths()
if args.record == '' then redis.call('HDEL', key, args.id) else redis.call('HSET', key, args.id, args.record) end
tell('schedules', '')
if not args.once then
  local action = args.action
  args.seen, args.action = nil, nil
  audit(action, 0, before)
end
return done(1)
