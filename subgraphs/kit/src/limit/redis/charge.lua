-- Counts a failure in each row, unless one of them must wait. KEYS: the rows.
-- ARGV: now in ms; for each row its free failures, the first wait, the longest, and when it is forgotten, in ms. Gives the wait in ms.
local now, longest = tonumber(ARGV[1]), 0
for _, row in ipairs(KEYS) do
  local locked = redis.call('HGET', row, 'until')
  if locked then longest = math.max(longest, tonumber(locked) - now) end
end
if longest > 0 then return longest end
for n, row in ipairs(KEYS) do
  local free, base, cap, forget = unpack(ARGV, n * 4 - 2, n * 4 + 1)
  local beyond = redis.call('HINCRBY', row, 'failures', 1) - tonumber(free)
  if beyond >= 0 then
    local wait = math.min(tonumber(base) * 2 ^ math.min(beyond, 31), tonumber(cap))
    redis.call('HSET', row, 'until', string.format('%.0f', now + wait))
  end
  redis.call('PEXPIRE', row, forget)
end
return 0
