-- Takes tokens from a bucket, or says how long until they would be there. KEYS: the bucket.
-- ARGV: how many it holds, from empty to full in so many µs, how many to take, now in µs. Gives the wait in µs.
local full, per, n, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1] or full), tonumber(bucket[2] or now)
-- The clocks of the processes differ a little; time never goes back here.
now = math.max(now, at)
tokens = math.min(full, tokens + (now - at) * full / per)
local missing, wait = n - tokens, 0
if missing <= 0 then
  tokens = tokens - n
else
  -- More than a bucket holds can never be had at once; say when it is full.
  wait = math.ceil(math.min(missing, full) * per / full)
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9g', tokens), 'at', string.format('%.0f', now))
-- A bucket that was left alone until it is full is as good as none.
redis.call('PEXPIRE', KEYS[1], math.ceil(per / 1000) + 1000)
return wait
