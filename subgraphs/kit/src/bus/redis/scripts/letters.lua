-- The dead letters, the oldest first. ARGV: how many. Gives of each its name, place, attempts, reason, time in ms and fields.
local letters = {}
for _, grave in ipairs(call('ZRANGE', graves, 0, ARGV[1] - 1)) do
  local name = grave:match(' (.*)$')
  local at, _, attempts, reason, when, fields = unpack(cmsgpack.unpack(call('HGET', dead, name)))
  letters[#letters + 1] = {name, at, attempts, reason, when, fields}
end
return letters
