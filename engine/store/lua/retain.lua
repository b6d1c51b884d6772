-- retain: drop finished jobs beyond their age and number, for queues where nothing finishes, and groups of failures
--         that are empty and were not seen for long.
-- args: keep_completed_ms, keep_completed_count, keep_failed_ms, keep_failed_count (optional), keep_group_ms, keep_groups
-- returns: how many jobs were dropped (at most 1,000 a kind: call again while it is not 0)
local stale = redis.call('ZRANGEBYSCORE', GROUPS, '-inf', int(now - args.keep_group_ms), 'LIMIT', 0, BATCH)
local excess = redis.call('ZCARD', GROUPS) - args.keep_groups
if excess > 0 then
  for _, signature in ipairs(redis.call('ZRANGE', GROUPS, 0, math.min(excess, BATCH) - 1)) do
    stale[#stale + 1] = signature
  end
end
for _, signature in ipairs(stale) do
  redis.call('ZREM', GROUPS, signature)
  redis.call('UNLINK', GROUP .. signature, GROUP .. signature .. ':ids')
end
return trim(COMPLETED, args.keep_completed_ms, args.keep_completed_count)
  + trim(FAILED, args.keep_failed_ms, args.keep_failed_count)
