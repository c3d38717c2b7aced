-- An attempt failed: again after a wait, or a dead letter. ARGV: the channel, the group, the owner, the id, the reason, the wait in ms or -1,
-- the name of the dead letter.
local at = call('HGET', ids, ARGV[4])
local item = at and read(at)
-- Who holds it now says how it ends, not who has lost it.
if not item or (item.state == 'l' and item.owner ~= ARGV[3]) then return end
local wait = tonumber(ARGV[6])
if wait >= 0 then
  again(at, item, item.attempts + 1, now + wait)
else
  call('HSET', dead, ARGV[7], cmsgpack.pack({at, item.id, item.attempts + 1, ARGV[5], now, body(at)}))
  call('ZADD', graves, now, at .. ' ' .. ARGV[7])
  finish(at, item)
end
wake(ARGV[1], ARGV[2])
