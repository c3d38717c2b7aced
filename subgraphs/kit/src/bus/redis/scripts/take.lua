-- Gives out what is due. ARGV: owner, most, the lease in ms, how long an owner lives without a sign in ms, how many may be open before no
-- more is read, how many are read at once. Gives the run of the log, whether there is more to read, the time to the next wait's or lease's
-- end in ms (-1: none), and for each event its place, attempts and fields.
local owner, most, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
call('ZADD', members, now + ARGV[4], owner)
for _, lapsed in ipairs(call('ZRANGEBYSCORE', members, '-inf', '(' .. now)) do
  for _, at in ipairs(leased_by(lapsed)) do
    local item = read(at)
    again(at, item, item.attempts + 1)
  end
end
for _, at in ipairs(call('ZRANGEBYSCORE', timers, '-inf', now, 'LIMIT', 0, 1000)) do
  local item = read(at)
  again(at, item, item.state == 'l' and item.attempts + 1 or item.attempts)
end

local more = false
local batch = tonumber(ARGV[6])
if call('ZCARD', open) < tonumber(ARGV[5]) then
  local cursors, from = {}, nil
  local flat = call('HGETALL', topics)
  for n = 1, #flat, 2 do
    cursors[flat[n]] = flat[n + 1]
    if not from or flat[n + 1] < from then from = flat[n + 1] end
  end
  local entries = from and call('XRANGE', log, '(' .. from, '+', 'COUNT', batch) or {}
  local last = nil
  for _, entry in ipairs(entries) do
    last = place(entry[1])
    local id, topic, key = field(entry[2], 'id'), field(entry[2], 'topic'), field(entry[2], 'key')
    if not (id and topic and key) then
      -- Nobody knows whose it is: every group's, once.
      if last > cursors[''] then add(last, 'raw:' .. last, last) end
    elseif topic ~= '' and cursors[topic] and last > cursors[topic] then
      add(last, id, key)
    end
  end
  if last then
    for topic, cursor in pairs(cursors) do
      if cursor < last then call('HSET', topics, topic, last) end
    end
  end
  more = #entries == batch
end

local taken = {}
while #taken < most do
  local at = call('ZPOPMIN', ready)[1]
  if not at then break end
  local item = read(at)
  item.state, item.owner = 'l', owner
  write(at, item)
  call('HSET', tops, item.lane, 'L' .. at)
  call('ZADD', held, 0, owner .. ':' .. at)
  call('ZADD', timers, now + lease, at)
  taken[#taken + 1] = {at, item.attempts, body(at)}
end
local next = call('ZRANGE', timers, 0, 0, 'WITHSCORES')[2]
local due = next and math.max(0, tonumber(next) - now) or -1
return {call('HGET', head, 'run') or '', more and 1 or 0, due, taken}
