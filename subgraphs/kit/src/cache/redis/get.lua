-- The entry, if it is valid. KEYS: epochs, entry. ARGV: the server's run, the id of the copy that the caller has.
-- Gives the run, the clock at which it was found valid, its id, its beginning, its remaining life in ms, and its value unless the caller has it.
local head = redis.call('HMGET', KEYS[1], 'server', 'run', 'clock')
if head[1] ~= ARGV[1] then return false end
local entry = redis.call('HMGET', KEYS[2], 'run', 'began', 'id', 'tags')
if entry[1] ~= head[2] then return false end
local tags = cmsgpack.unpack(entry[4])
if #tags > 0 then
  local began = tonumber(entry[2])
  for _, epoch in ipairs(redis.call('HMGET', KEYS[1], unpack(tags))) do
    if epoch and tonumber(epoch) > began then return false end
  end
end
local life = redis.call('PTTL', KEYS[2])
if life <= 0 then return false end
local value = entry[3] ~= ARGV[2] and redis.call('HGET', KEYS[2], 'value')
return {head[2], tonumber(head[3]), entry[3], life, value}
