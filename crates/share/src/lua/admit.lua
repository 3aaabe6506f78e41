-- Asks for one call: of the breaker, then of the rate limiter, then of the bulkhead. Whatever refuses, nothing is taken
-- of the others: all three are looked at before the first is written.
--
-- ARGV: now, breaker, rate limiter, bulkhead, lease. Answers {0, epoch, wait, report} where the call is admitted, and
-- else {who refused: 1 to 3, two numbers about it, report}. KEYS[5] is the bulkhead: its leases, sorted by their ends.
local set, lease = settings(ARGV[2]), ARGV[5]
local bulkhead_key = KEYS[5]

local b = set and load_breaker(set)
if b then
  if b.state == OPEN and now > b.at then
    go(b, set, HALF_OPEN)
  end
  local shut = b.state == OPEN or b.state == FORCED_OPEN
  if shut or (b.state == HALF_OPEN and trials_left(b, set) < 1) then
    b.refused = b.refused + 1
    save(b)
    return {1, 0, 0, report(b, set)}
  end
end

-- A change of the state holds, whoever refuses after it, and is told once.
local function told()
  if b and (b.entered or b.state ~= CLOSED) then
    save(b)
    return b.from ~= b.state and report(b, set) or {}
  end
  return {}
end

local rate, r, wait = ARGV[3] ~= '' and numbers(ARGV[3]), nil, 0
if rate then
  rate = {limit = rate[1], period = rate[2], timeout = rate[3]}
  r = load_rate(rate)
  wait = rate_wait(r, rate)
  if wait > rate.timeout then
    return {2, rate.limit, wait, told()}
  end
end

if ARGV[4] ~= '' then
  local max, life = unpack(numbers(ARGV[4]))
  redis.call('ZREMRANGEBYSCORE', bulkhead_key, '-inf', now)
  local running = redis.call('ZCARD', bulkhead_key)
  if running >= max then
    return {3, max, running, told()}
  end
  -- Who waits for the limiter holds its place meanwhile.
  redis.call('ZADD', bulkhead_key, now + wait + life, lease)
  keep(bulkhead_key, wait + life)
end
if r then
  take_rate(r, rate)
end
local report_of_breaker = told()
if b and b.state == HALF_OPEN then
  hold_trial(b, set, lease)
end
return {0, b and b.epoch or 0, wait, report_of_breaker}
