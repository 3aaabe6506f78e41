-- What is known at this moment; writes nothing. ARGV: now, breaker, rate limiter, bulkhead. Answers {report, trials left,
-- permits left, running}; -1 where there is no such number.
local set = settings(ARGV[2])
local b, trials = set and load_breaker(set), -1
if b and set.seconds and b.by == BY_CALLS and b.calls > 0 then
  local horizon = math.floor(now / 1000000) - set.size
  b.calls, b.failed, b.slow, b.both = 0, 0, 0, 0
  for _, bucket in ipairs(redis.call('LRANGE', window_key, 0, -1)) do
    local second, calls, failed, slow, both = parts(bucket)
    if second and second > horizon then
      add(b, calls, failed, slow, both)
    end
  end
end
if b and b.state == HALF_OPEN then
  trials = trials_left(b, set)
end

local left, rate = -1, ARGV[3] ~= '' and numbers(ARGV[3])
if rate then
  left = load_rate({limit = rate[1], period = rate[2]}).left
end
local running = -1
if ARGV[4] ~= '' then
  running = redis.call('ZCOUNT', KEYS[5], '(' .. string.format('%.0f', now), '+inf')
end
return {report(b, set), trials, left, running}
