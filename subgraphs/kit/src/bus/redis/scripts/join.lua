-- Makes the group known, from the beginning of the log for each topic that is new to it. KEYS: head, topics, groups.
-- ARGV: a fresh name for a log, the group, the topics. Gives the run of the log, and the version of its keys.
local time = redis.call('TIME')
local run = redis.call('HGET', KEYS[1], 'run')
if not run then
  run = ARGV[1]
  redis.call('HSET', KEYS[1], 'run', run, 'version', 1)
end
local start = ('0'):rep(20) .. '-' .. ('0'):rep(20)
-- The nameless topic: entries that cannot be understood.
redis.call('HSETNX', KEYS[2], '', start)
for n = 3, #ARGV do redis.call('HSETNX', KEYS[2], ARGV[n], start) end
redis.call('ZADD', KEYS[3], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[2])
return {run, tonumber(redis.call('HGET', KEYS[1], 'version') or 1)}
