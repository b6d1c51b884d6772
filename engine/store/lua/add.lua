-- add: put new jobs into waiting, or into delayed.
-- args: jobs = list of {id, name, data, options (JSON text), priority, delay_ms, trace, parent}
-- returns: a list of 1 (added) and 0 (a job of that id exists: nothing changed)
-- events: waiting | delayed
local reply, waiting, added = {}, {}, 0
local last = redis.call('HINCRBY', META, 'sequence', #args.jobs)
for i, job in ipairs(args.jobs) do
  reply[i] = add_job(job, last - #args.jobs + i, waiting) and 1 or 0
  added = added + reply[i]
end
if #waiting > 0 then redis.call('ZADD', WAIT, unpack(waiting)) end
if added > 0 then wake() end
return done(reply)
