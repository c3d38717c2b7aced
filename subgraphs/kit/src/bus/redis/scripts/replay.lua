-- A dead letter is open again, at its old place and with all its attempts. ARGV: the channel, the group, its name.
local packed = call('HGET', dead, ARGV[3])
if not packed then return 0 end
local at, id, _, _, _, fields = unpack(cmsgpack.unpack(packed))
call('HDEL', dead, ARGV[3])
call('ZREM', graves, at .. ' ' .. ARGV[3])
-- The log may have lost it meanwhile.
call('HSET', bodies, at, cmsgpack.pack(fields))
add(at, id, field(fields, 'key') or at)
wake(ARGV[1], ARGV[2])
return 1
