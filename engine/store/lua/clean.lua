-- clean: take jobs of one state away, oldest first; or only count them (dry_run).
-- args: state ('completed' | 'failed' | 'waiting' | 'delayed'), before (ms; finished, or for the unfinished created,
--       until then; 0 = now - grace_ms), grace_ms, limit, offset (where to go on), dry_run, actor
-- returns: {how many, where to go on or -1 at the end, oldest ms or -1, newest ms or -1, before}
-- events: cleaned
local zset = STATES[args.state]
local finished = args.state == 'completed' or args.state == 'failed'
local before = args.before > 0 and args.before or now - args.grace_ms
local window = redis.call('ZRANGE', zset, args.offset, args.offset + BATCH - 1, 'WITHSCORES')
local ids, oldest, newest = {}, -1, -1
local scanned, at_end = 0, #window < BATCH * 2
for i = 1, #window, 2 do
  if #ids >= args.limit then
    at_end = false
    break
  end
  local at = finished and tonumber(window[i + 1]) or tonumber(redis.call('HGET', JOB .. window[i], 'created') or 0)
  if at <= before then
    ids[#ids + 1] = window[i]
    oldest = (oldest < 0 or at < oldest) and at or oldest
    newest = math.max(newest, at)
  elseif finished then
    at_end = true -- the rest finished later still
    break
  end
  scanned = scanned + 1
end
local go_on = at_end and -1 or args.offset + scanned
if not args.dry_run and #ids > 0 then
  forget(zset, ids)
  if go_on >= 0 then go_on = go_on - #ids end
  tell('cleaned', '')
  audit('clean', #ids)
end
return { #ids, int(go_on), int(oldest), int(newest), int(before) }
