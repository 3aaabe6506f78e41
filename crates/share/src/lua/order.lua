-- A person tells the breaker a state, or sets it back. ARGV: now, breaker, state (-1: set back). Answers {1, report}, or
-- {0, state it is in} where no way leads there.
local set, to = settings(ARGV[2]), tonumber(ARGV[3])
local b = load_breaker(set)
if to < 0 then
  to = CLOSED
elseif (b.state == CLOSED and to == HALF_OPEN) or (b.state == METRICS_ONLY and (to == OPEN or to == HALF_OPEN)) then
  return {0, b.state}
end
go(b, set, to)
save(b)
return {1, report(b, set)}
