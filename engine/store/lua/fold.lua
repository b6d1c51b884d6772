-- fold: add to the queue's totals since ever what was counted since the last call, each count exactly once.
--       `totals` is one hash: the totals by field and job type, `minute` = how far they go, and `part` = what of
--       that minute they hold already. So they never go down, although the minutes go after two days.
-- args: tell = whether the totals are wanted
-- returns: {1 where more is to be folded: call again, the totals as a flat list}
local TOTALS = PREFIX .. 'totals'
local flat = redis.pcall('HGETALL', TOTALS)
if flat.err then redis.call('UNLINK', TOTALS) end -- somebody made it another thing
local totals, changed = {}, {}
for i = 1, #flat, 2 do totals[flat[i]] = flat[i + 1] end
local current = math.floor(now / 60000)
local oldest = current - 2880
local first = totals.minute and number(totals.minute, current) or oldest
local fine, part = pcall(cjson.decode, totals.part or '{}')
if not fine or type(part) ~= 'table' then part = {} end

local looked = 0
local function add(minute, known)
  local counts, held = redis.pcall('HGETALL', PREFIX .. 'metrics:1m:' .. minute), {}
  looked = looked + #counts / 2
  for i = 1, #counts, 2 do
    local field, by = counts[i], number(counts[i + 1], 0)
    if by > 0 and string.find(field, '^%w+@') then
      held[field] = by
      local more = by - number(known[field], 0)
      if more > 0 then changed[field] = (changed[field] or number(totals[field], 0)) + more end
    end
  end
  return held
end

local last = first
if first <= current then
  local held = add(first, part)
  for minute = math.max(first + 1, oldest), current do
    if looked > 4000 and last ~= first then break end -- other clients want to be served
    last, held = minute, add(minute, {})
  end
  if next(changed) or last ~= first then
    local fields = { 'minute', int(last), 'part', cjson.encode(held) }
    totals.minute = nil
    for field, value in pairs(changed) do
      totals[field] = int(value)
      fields[#fields + 1] = field
      fields[#fields + 1] = int(value)
    end
    for from = 1, #fields, 1000 do
      redis.call('HSET', TOTALS, unpack(fields, from, math.min(from + 999, #fields)))
    end
  end
end
local told = {}
if args.tell then
  for field, value in pairs(totals) do
    if string.find(field, '@', 1, true) then
      told[#told + 1] = field
      told[#told + 1] = value
    end
  end
end
return { last < current and 1 or 0, told }
