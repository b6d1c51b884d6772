-- schedules: a queue's recurring jobs.
-- returns: {now, the hash as a flat list: id, record (JSON text), ...}
return { int(now), redis.call('HGETALL', PREFIX .. 'schedules') }
