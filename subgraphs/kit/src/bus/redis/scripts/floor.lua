-- The first place that the group still needs of the log: what is open, or what it has not read yet. Nothing when it needs nothing.
-- Gives the place, and whether that one itself is needed.
local cursor = nil
local flat = call('HGETALL', topics)
for n = 2, #flat, 2 do
  if not cursor or flat[n] < cursor then cursor = flat[n] end
end
local first = call('ZRANGE', open, 0, 0)[1]
if first and (not cursor or first <= cursor) then return {first, 1} end
return {cursor or '', 0}
