-- A sign of life. KEYS: members. ARGV: the owner, how long it holds in ms.
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
