-- What this owner holds goes back as if it had not been taken. ARGV: the channel, the group, the owner.
for _, at in ipairs(leased_by(ARGV[3])) do
  local item = read(at)
  again(at, item, item.attempts)
end
wake(ARGV[1], ARGV[2])
