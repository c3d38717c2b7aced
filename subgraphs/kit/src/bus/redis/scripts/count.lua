-- How much is to be handled. ARGV: where to go on, how many entries are looked at. Gives how many are open, how many of the entries are the group's,
-- and where to go on ('' at the end of the log).
local cursors, from = {}, nil
local flat = call('HGETALL', topics)
for n = 1, #flat, 2 do
  cursors[flat[n]] = flat[n + 1]
  if not from or flat[n + 1] < from then from = flat[n + 1] end
end
if not from then return {0, 0, ''} end
if ARGV[1] > from then from = ARGV[1] end
local entries, count, last = call('XRANGE', log, '(' .. from, '+', 'COUNT', ARGV[2]), 0, ''
for _, entry in ipairs(entries) do
  last = place(entry[1])
  local topic = field(entry[2], 'topic')
  local whole = topic and field(entry[2], 'id') and field(entry[2], 'key')
  local cursor = cursors[whole and topic or '']
  if cursor and last > cursor then count = count + 1 end
end
return {call('ZCARD', open), count, #entries == tonumber(ARGV[2]) and last or ''}
