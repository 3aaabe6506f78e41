-- The rate limiter: `trunkline_resilience::rate_limiter::Cycles`. KEYS[4] is four numbers, packed: when the cycles began,
-- how long one is, the number of the last one that was seen, and what is left of it; below zero, cycles to come are
-- taken from.
local rate_key = KEYS[4]

local function load_rate(set)
  local packed = redis.call('GET', rate_key)
  if packed and #packed ~= 32 then
    error('not a rate limiter: ' .. rate_key)
  end
  local n = packed and numbers(packed) or {now, set.period, 0, set.limit}
  local r = {start = n[1], period = n[2], cycle = n[3], left = n[4]}
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

local function take_rate(r, set)
  r.left = r.left - 1
  -- A limiter that is forgotten later than this has all its permits again, as a new one has.
  local life = (math.ceil((set.limit - r.left) / set.limit) + 1) * r.period
  redis.call('SET', rate_key, pack(r.start, r.period, r.cycle, r.left), 'PX', micros_to_millis(life))
end
