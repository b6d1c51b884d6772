-- clean: take jobs of one state away, oldest first, into the quarantine or (purge) for good; or only count (dry_run).
-- args: state (active ones: only those whose lease ran out), before (ms; finished, or for the unfinished created,
--       until then; 0 = now - grace_ms), grace_ms, limit, after and passed (where to go on: behind so many of those with this score),
--       dry_run, purge, actor, reason, action_id, ids (optional: only of these)
-- returns: {how many, 1 at the end else 0, oldest ms or -1, newest ms or -1, before, ids of the first five, after, passed}
-- events: cleaned
local depths_before = args.dry_run and '' or depths()
local zset = STATES[args.state]
local finished = args.state == 'completed' or args.state == 'failed'
local before = args.before > 0 and args.before or now - args.grace_ms
local ids, samples, oldest, newest, at_end = {}, {}, -1, -1, true
-- By score, not by rank: workers take jobs away meanwhile.
local after, passed = args.after, args.passed

-- Takes it, or leaves it; false where it is too young.
local function consider(id, score)
  local at = finished and score or tonumber(redis.call('HGET', JOB .. id, 'created') or 0)
  if at > before then return false end
  if args.state == 'active' and score > now then return true end
  ids[#ids + 1] = id
  if #samples < 5 then samples[#samples + 1] = id end
  oldest = (oldest < 0 or at < oldest) and at or oldest
  newest = math.max(newest, at)
  return true
end

if args.ids then
  for _, id in ipairs(args.ids) do
    local score = redis.call('ZSCORE', zset, id)
    if score and #ids < args.limit then consider(id, tonumber(score)) end
  end
else
  -- Those passed may have gone since: behind them stand others, with scores of their own.
  passed = math.min(passed, redis.call('ZCOUNT', zset, after, after))
  local window = redis.call('ZRANGEBYSCORE', zset, after, '+inf', 'WITHSCORES', 'LIMIT', passed, BATCH)
  at_end = #window < BATCH * 2
  for i = 1, #window, 2 do
    if #ids >= args.limit then
      at_end = false
      break
    end
    local before_it = #ids
    if not consider(window[i], tonumber(window[i + 1])) and finished then
      at_end = true -- the rest finished later still
      break
    end
    if window[i + 1] ~= after then after, passed = window[i + 1], 0 end
    if args.dry_run or #ids == before_it then passed = passed + 1 end
  end
end
if not args.dry_run and #ids > 0 then
  if args.purge then
    forget(zset, ids)
  else
    quarantine(args.state, ids)
  end
  tell('cleaned', '')
  audit('clean', #ids, depths_before)
end
return done({ #ids, at_end and 1 or 0, int(oldest), int(newest), int(before), samples, after, int(passed) })
