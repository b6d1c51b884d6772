-- retain: drop finished jobs beyond their age and number, for queues where nothing finishes.
-- args: keep_completed_ms, keep_completed_count, keep_failed_ms
-- returns: how many were dropped (at most 1,000 a kind: call again while it is not 0)
return trim(COMPLETED, args.keep_completed_ms, args.keep_completed_count) + trim(FAILED, args.keep_failed_ms)
