-- The dead letters, the oldest first. ARGV: how many; the time in ms and the grave to go on after ('' from the beginning), which need not be there
-- any more. Gives of each its name, place, attempts, reason, time in ms and fields.
local from = 0
if ARGV[3] ~= '' then
  from = call('ZCOUNT', graves, '-inf', '(' .. ARGV[2])
  -- Those of one millisecond are in the order of their names.
  while true do
    local grave = call('ZRANGE', graves, from, from, 'WITHSCORES')
    if not grave[1] or tonumber(grave[2]) > tonumber(ARGV[2]) or grave[1] > ARGV[3] then break end
    from = from + 1
  end
end
local letters = {}
for _, grave in ipairs(call('ZRANGE', graves, from, from + ARGV[1] - 1)) do
  local name = grave:match(' (.*)$')
  local at, _, attempts, reason, when, fields = unpack(cmsgpack.unpack(call('HGET', dead, name)))
  letters[#letters + 1] = {name, at, attempts, reason, when, fields}
end
return letters
