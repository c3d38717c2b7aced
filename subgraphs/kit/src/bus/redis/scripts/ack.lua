-- These are handled, whoever says so. ARGV: the channel, the group, the ids.
for n = 3, #ARGV do
  local at = call('HGET', ids, ARGV[n])
  if at then finish(at, read(at)) end
end
wake(ARGV[1], ARGV[2])
