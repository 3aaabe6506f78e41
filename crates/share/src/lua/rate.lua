-- The rate limiter: `trunkline_resilience::rate_limiter::Cycles`. KEYS[4] is a hash: when the cycles began, how long one
-- is, the number of the last one that was seen, and what is left of it; below zero, cycles to come are taken from.
local rate_key = KEYS[4]

local function load_rate(set)
  local values = redis.call('HMGET', rate_key, 'start', 'period', 'cycle', 'left')
  local r = {
    start = tonumber(values[1] or now), period = tonumber(values[2] or set.period),
    cycle = tonumber(values[3] or 0), left = tonumber(values[4] or set.limit),
  }
  if r.period ~= set.period then
    r.start, r.cycle, r.period = now, 0, set.period
  end
  r.elapsed = math.max(now - r.start, 0)
  local cycle = math.floor(r.elapsed / r.period)
  r.left = math.min(r.left + math.max(cycle - r.cycle, 0) * set.limit, set.limit)
  r.cycle = math.max(cycle, r.cycle)
  return r
end

-- How long until one is there: nothing, or the rest of this cycle and whole ones.
local function rate_wait(r, set)
  if r.left >= 1 then
    return 0
  end
  local missing = math.max(1 - r.left - set.limit, 0)
  return r.period - r.elapsed % r.period + math.ceil(missing / set.limit) * r.period
end

local function take_rate(r, set, wait)
  redis.call('HSET', rate_key, 'start', r.start, 'period', r.period, 'cycle', r.cycle, 'left', r.left - 1)
  -- A limiter that is forgotten later than this has all its permits again, as a new one has.
  keep(rate_key, wait + 2 * r.period)
end
