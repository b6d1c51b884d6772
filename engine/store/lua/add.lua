-- add: put new jobs into waiting, or into delayed.
-- args: jobs = list of {id, name, data, options (JSON text), priority, delay_ms, trace, parent}
-- returns: a list of 1 (added) and 0 (a job of that id exists: nothing changed)
-- events: waiting | delayed
local reply = {}
local added = 0
for i, job in ipairs(args.jobs) do
  local key = JOB .. job.id
  if redis.call('EXISTS', key) == 1 then
    reply[i] = 0
  else
    local fields = { 'name', job.name, 'data', job.data, 'options', job.options, 'created', int(now) }
    for _, name in ipairs({ 'trace', 'parent' }) do
      if job[name] then fields[#fields + 1] = name; fields[#fields + 1] = job[name] end
    end
    if job.delay_ms > 0 then
      local due = int(now + job.delay_ms)
      redis.call('HSET', key, 'state', 'delayed', 'due', due, unpack(fields))
      redis.call('ZADD', DELAYED, due, job.id)
      tell('delayed', job.id, job.trace)
    else
      redis.call('HSET', key, 'state', 'waiting', unpack(fields))
      redis.call('ZADD', WAIT, int(next_score(job.priority)), job.id)
      tell('waiting', job.id, job.trace)
    end
    added = added + 1
    reply[i] = 1
  end
end
if added > 0 then
  count('added', added)
  wake()
end
return reply
