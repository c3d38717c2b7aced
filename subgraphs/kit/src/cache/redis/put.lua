-- Takes an answer unless it is out of date. KEYS: epochs, entry. ARGV: the server's run, the run of epochs and the clock at its
-- beginning, its id, its life in ms, its value, its tags. Gives the clock at which it was valid.
local head = redis.call('HMGET', KEYS[1], 'server', 'run', 'clock')
if head[1] ~= ARGV[1] or head[2] ~= ARGV[2] then return false end
local began, tags = tonumber(ARGV[3]), {unpack(ARGV, 7)}
if #tags > 0 then
  for _, epoch in ipairs(redis.call('HMGET', KEYS[1], unpack(tags))) do
    if epoch and tonumber(epoch) > began then return false end
  end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'run', ARGV[2], 'began', ARGV[3], 'id', ARGV[4], 'tags', cmsgpack.pack(tags), 'value', ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return tonumber(head[3])
