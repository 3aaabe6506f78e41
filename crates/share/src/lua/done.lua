-- A call ended: its result is counted, and what it held is given back.
--
-- ARGV: now, breaker, what happened (0 to 3: a digit of the window; -1: nothing that counts), lease, epoch. Answers a
-- report where the state changed or a threshold was reached, and else nothing.
local set, digit, lease = settings(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

redis.call('ZREM', KEYS[5], lease)
if not set then
  return {}
end

local b = load_breaker(set)
local own = tonumber(ARGV[5]) == b.epoch

-- What follows from the window after a record.
local function decide()
  local failure, slow = rates(b, set)
  local failing, slowing = failure and failure >= set.failure, slow and slow >= set.slow
  local reached = (failing and 1 or 0) + (slowing and 2 or 0)
  if b.state == HALF_OPEN and failure then
    go(b, set, reached > 0 and OPEN or CLOSED)
  elseif b.state == CLOSED and reached > 0 then
    b.exceeded = reached
    go(b, set, OPEN)
  elseif b.state == METRICS_ONLY then
    -- Each of the two is told once in a stay.
    b.exceeded = reached - bit.band(reached, b.told)
    b.told = bit.bor(reached, b.told)
  end
end

-- A late result of a call that was let through before the trials does not decide them.
local late = b.state == HALF_OPEN and not own and set.own
if own and b.state == HALF_OPEN then
  redis.call('ZREM', trials_key, lease)
  b.used = b.used + (digit >= 0 and 1 or 0)
end
if digit >= 0 and not late and b.by ~= BY_NOBODY then
  if b.by == BY_TRIALS then
    record_call(b, digit, set.permitted)
  elseif set.seconds then
    record_second(b, digit, set.size)
  else
    record_call(b, digit, set.size)
  end
  decide()
end
save(b)
return (b.entered or b.exceeded > 0) and report(b, set) or {}
