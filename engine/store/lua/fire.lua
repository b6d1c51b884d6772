-- fire: move a recurring job on and add its job, in one step, so that of many callers one does it.
-- args: id, seen (its record as the caller read it), job = as in `add`, record (its record once the job is added),
--       slot (ms), last (optional: the id of the job before), passed (its record where that one still waits);
--       or in place of these three, for an operator who wants it now: actor, reason
-- returns: 1 (added) | 2 (the job before still waits: the slot passes without one) | 0 (not due by Redis's clock, or
--          the record is another by now)
-- events: waiting
local key = PREFIX .. 'schedules'
if redis.call('HGET', key, args.id) ~= args.seen then return 0 end
if args.slot then
  if args.slot > now then return 0 end
  if args.last and (redis.call('ZSCORE', WAIT, args.last) or redis.call('ZSCORE', DELAYED, args.last)) then
    redis.call('HSET', key, args.id, args.passed)
    return 2
  end
end
local before = args.actor and depths()
redis.call('HSET', key, args.id, args.record)
if add_job(args.job, redis.call('HINCRBY', META, 'sequence', 1)) then wake() end
if args.actor then
  args.seen, args.record, args.job = nil, nil, args.job.id
  audit('run-schedule', 1, before)
end
return done(1)
