-- extend: renew the leases of jobs in hand.
-- args: jobs = list of {id, token}, lease_ms
-- returns: the ids whose lease is lost (another worker has or had them)
local lost = {}
for _, job in ipairs(args.jobs) do
  if held(job.id, job.token) then
    redis.call('ZADD', ACTIVE, 'XX', int(now + args.lease_ms), job.id)
  else
    lost[#lost + 1] = job.id
  end
end
return lost
