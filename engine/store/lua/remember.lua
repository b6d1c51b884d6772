-- remember: add a turn to a conversation, once however often its command runs, and let go of what is too old, too many
--           or too much; or, without a turn, only tell what is remembered.
-- args: conversation, turn = {trace, said, replied} (optional), keep_turns, keep_bytes, keep_ms, keep_conversations
-- returns: the turns that are left (JSON texts, with `at_ms`), oldest first
local CONVERSATION, INDEX = PREFIX .. 'conversation:', PREFIX .. 'conversations'
local key, turns = CONVERSATION .. args.conversation, {}
local function is_turn(value)
  if type(value) ~= 'table' then return false end
  return type(value.trace) == 'string' and type(value.said) == 'string' and type(value.replied) == 'string'
end
for _, text in ipairs(redis.call('LRANGE', key, 0, -1)) do
  local fine, turn = pcall(cjson.decode, text)
  local usable = fine and is_turn(turn) and number(turn.at_ms, now) > now - args.keep_ms
  if usable and not (args.turn and turn.trace == args.turn.trace) then turns[#turns + 1] = text end
end
if args.turn then
  args.turn.at_ms = now
  turns[#turns + 1] = cjson.encode(args.turn)
end
local left, bytes = {}, 0
for i = math.max(1, #turns - args.keep_turns + 1), #turns do bytes = bytes + #turns[i] end
for i = math.max(1, #turns - args.keep_turns + 1), #turns do
  -- The last one stays, whatever its size.
  if bytes <= args.keep_bytes or i == #turns then left[#left + 1] = turns[i] end
  bytes = bytes - #turns[i]
end
if not args.turn then return left end

redis.call('DEL', key)
redis.call('ZREM', INDEX, args.conversation)
if #left > 0 then
  redis.call('RPUSH', key, unpack(left))
  redis.call('PEXPIRE', key, int(args.keep_ms))
  redis.call('ZADD', INDEX, int(now), args.conversation)
end
local function forget_oldest(ids)
  for _, id in ipairs(ids) do
    redis.call('UNLINK', CONVERSATION .. id)
    redis.call('ZREM', INDEX, id)
  end
end
forget_oldest(redis.call('ZRANGEBYSCORE', INDEX, '-inf', int(now - args.keep_ms), 'LIMIT', 0, BATCH))
local excess = math.min(BATCH, redis.call('ZCARD', INDEX) - args.keep_conversations)
if excess > 0 then forget_oldest(redis.call('ZRANGE', INDEX, 0, excess - 1)) end
return left
