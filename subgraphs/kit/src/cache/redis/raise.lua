-- One new time for all of the tags. KEYS: epochs. ARGV: the server's run, a fresh name for a run, the most fields, the tags.
local head = redis.call('HMGET', KEYS[1], 'server', 'run')
if head[1] == ARGV[1] then
  local clock = redis.call('HINCRBY', KEYS[1], 'clock', 1)
  for n = 4, #ARGV do redis.call('HSET', KEYS[1], ARGV[n], clock) end
  if redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[3]) then return end
end
-- A new run raises everything at once.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'server', ARGV[1], 'run', ARGV[2], 'clock', 0)
