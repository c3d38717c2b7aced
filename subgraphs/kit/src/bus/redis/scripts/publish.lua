-- Appends the events whose ids are new. KEYS: log, head, seen. ARGV: a fresh name for a log, the channel, and of each event its id, topic,
-- key and body. Gives the run of the log.
local run = redis.call('HGET', KEYS[2], 'run')
if not run then
  run = ARGV[1]
  redis.call('HSET', KEYS[2], 'run', run, 'version', 1)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local topics, named = {}, {}
for n = 3, #ARGV, 4 do
  local id, topic = ARGV[n], ARGV[n + 1]
  if redis.call('ZADD', KEYS[3], 'NX', now, id) == 1 then
    redis.call('XADD', KEYS[1], '*', 'id', id, 'topic', topic, 'key', ARGV[n + 2], 'body', ARGV[n + 3])
    if not named[topic] then
      named[topic] = true
      topics[#topics + 1] = topic
    end
  end
end
if #topics > 0 then redis.call('PUBLISH', ARGV[2], 't:' .. table.concat(topics, ',')) end
return run
