-- Now. KEYS: epochs. ARGV: the server's run, a fresh name for a run of epochs. Gives the run of epochs and its clock.
local head = redis.call('HMGET', KEYS[1], 'server', 'run', 'clock')
if head[1] == ARGV[1] then
  return {head[2], tonumber(head[3])}
end
-- Emptied, evicted, or as a copy of an earlier time says: whatever entries are there belong to another run, and are dead.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'server', ARGV[1], 'run', ARGV[2], 'clock', 0)
return {ARGV[2], 0}
