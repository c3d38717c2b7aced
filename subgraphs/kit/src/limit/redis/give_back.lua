-- Takes one failure back from each row that is there. It was let through, so the wait before it was over. KEYS: the rows.
for _, row in ipairs(KEYS) do
  if redis.call('EXISTS', row) == 1 then
    if redis.call('HINCRBY', row, 'failures', -1) > 0 then
      redis.call('HDEL', row, 'until')
    else
      redis.call('DEL', row)
    end
  end
end
