-- A group beside the log: what it has still to handle. Every script about a group begins with this.
--
-- An event's place is its id in the log, filled up with zeros so that places sort as texts. What is open (read from the log, not handled) is idle,
-- leased to an owner, or waiting for its next attempt; its lane is the digest of its key.
local call = redis.call
local log, head, members, topics, open, lanes, tops, ready, timers, items, ids, bodies, held, dead, graves = unpack(KEYS)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Events that may go out now and could not before.
local offered = 0

local function place(id)
  local ms, number = id:match('^(%d+)-(%d+)$')
  return ('0'):rep(20 - #ms) .. ms .. '-' .. ('0'):rep(20 - #number) .. number
end

local function read(at)
  local text = call('HGET', items, at)
  if not text then return nil end
  local state, attempts, lane, owner, id = text:match('^(%a)|(%d+)|(%x+)|(%x*)|(.*)$')
  return {state = state, attempts = tonumber(attempts), lane = lane, owner = owner, id = id}
end

local function write(at, item)
  call('HSET', items, at, table.concat({item.state, item.attempts, item.lane, item.owner, item.id}, '|'))
end

-- Puts the first of the lane up, if it may go out, and takes down what was up before. `tops` says of a lane what is up (O) or leased (L).
local function offer(lane)
  local top = call('HGET', tops, lane)
  if top then
    if top:sub(1, 1) == 'L' then return end
    call('ZREM', ready, top:sub(2))
  end
  local first = call('ZRANGEBYLEX', lanes, '[' .. lane .. ':', '(' .. lane .. ';', 'LIMIT', 0, 1)[1]
  local at = first and first:sub(#lane + 2)
  local item = at and read(at)
  if item and item.state == 'i' then
    call('ZADD', ready, 0, at)
    call('HSET', tops, lane, 'O' .. at)
    offered = offered + 1
  elseif top then
    call('HDEL', tops, lane)
  end
end

-- What is open already under the same id stays as it is.
local function add(at, id, key)
  if call('HSETNX', ids, id, at) == 0 then return end
  local lane = redis.sha1hex(key)
  write(at, {state = 'i', attempts = 0, lane = lane, owner = '', id = id})
  call('ZADD', open, 0, at)
  call('ZADD', lanes, 0, lane .. ':' .. at)
  local top = call('HGET', tops, lane)
  if not top or at < top:sub(2) then offer(lane) end
end

local function let_go(at, item)
  call('ZREM', timers, at)
  if item.state == 'l' then
    call('ZREM', held, item.owner .. ':' .. at)
    call('HDEL', tops, item.lane)
    item.owner = ''
  end
end

local function finish(at, item)
  let_go(at, item)
  call('HDEL', items, at)
  call('HDEL', ids, item.id)
  call('HDEL', bodies, at)
  call('ZREM', open, at)
  call('ZREM', lanes, item.lane .. ':' .. at)
  offer(item.lane)
end

-- To be tried again: at once, or when it is due.
local function again(at, item, attempts, due)
  let_go(at, item)
  item.attempts = attempts
  item.state = due and 'w' or 'i'
  write(at, item)
  if due then call('ZADD', timers, due, at) end
  offer(item.lane)
end

local function leased_by(owner)
  local leased = call('ZRANGEBYLEX', held, '[' .. owner .. ':', '(' .. owner .. ';')
  for n, member in ipairs(leased) do leased[n] = member:sub(#owner + 2) end
  return leased
end

local function body(at)
  local packed = call('HGET', bodies, at)
  if packed then return cmsgpack.unpack(packed) end
  local entry = call('XRANGE', log, at, at)[1]
  return entry and entry[2] or {}
end

local function field(fields, name)
  for n = 1, #fields, 2 do
    if fields[n] == name then return fields[n + 1] end
  end
end

local function wake(channel, group)
  if offered > 0 then call('PUBLISH', channel, 'g:' .. group) end
end
