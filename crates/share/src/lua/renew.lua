-- Lets a call keep its place in the bulkhead for longer. ARGV: now, bulkhead, lease. Answers 1 where it still had it.
local life = numbers(ARGV[2])[2]
local ends = redis.call('ZSCORE', KEYS[5], ARGV[3])
if not ends or tonumber(ends) <= now then
  return 0
end
redis.call('ZADD', KEYS[5], math.max(now + life, tonumber(ends)), ARGV[3])
keep(KEYS[5], life)
return 1
