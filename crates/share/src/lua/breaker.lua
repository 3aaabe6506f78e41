-- The breaker: the machine of `trunkline_resilience::breaker`, which says what it does and why. Here is how it is kept.
--
-- KEYS[1] is its numbers, packed; KEYS[2] the window; KEYS[3] the trials of HALF_OPEN that run: their leases, sorted by
-- when each is over. `b` is the numbers as a table; nothing but the window is written before `save`.
local breaker_key, trials_key = KEYS[1], KEYS[3]

local CLOSED, OPEN, HALF_OPEN, DISABLED, FORCED_OPEN, METRICS_ONLY = 0, 1, 2, 3, 4, 5
local BY_NOBODY, BY_CALLS, BY_TRIALS = 0, 1, 2

-- What nobody asks for is forgotten after a day; what a person ordered after thirty.
local DAY = 86400 * 1000000

-- A trial whose process died comes back after this where HALF_OPEN may last for ever.
local TRIAL = 600 * 1000000

-- How many numbers are kept.
local FIELDS = 14

local function settings(packed)
  if packed == '' then
    return nil
  end
  local n = numbers(packed)
  return {
    failure = n[1], slow = n[2], seconds = n[3] == 1, size = n[4], minimum = n[5],
    wait = n[6], multiplier = n[7], random = n[8], wait_max = n[9],
    permitted = n[10], half_open_max = n[11], after = n[12],
    automatic = n[13] == 1, own = n[14] == 1, initial = n[15],
  }
end

-- To 32 bits, as the rates of the machine are: a threshold that is just reached is reached here too.
local function single(number)
  return (struct.unpack('<f', struct.pack('<f', number)))
end

-- How long the n-th opening in a row lasts (`Interval::get` with the middle of its random part).
local function open_wait(set, attempts)
  local millis = set.wait
  if set.multiplier ~= 1 then
    for _ = 2, math.min(attempts, 10000) do
      local following = math.min(math.floor(millis * set.multiplier), 3e11)
      if following == millis then
        break
      end
      millis = following
    end
  end
  if set.random > 0 then
    local least = millis - set.random * millis
    millis = math.floor(math.max(least + 0.5 * (millis + set.random * millis - least + 1), 1))
  end
  return math.min(millis * 1000, set.wait_max)
end

-- Begins a stay in a state. Its epoch is later than any other's, even of a breaker that was forgotten since.
local function enter(b, set, state, attempts)
  b.epoch = math.max(b.epoch + 1, now)
  if state ~= OPEN then
    b.by = (state == HALF_OPEN and BY_TRIALS) or ((state == CLOSED or state == METRICS_ONLY) and BY_CALLS) or BY_NOBODY
    b.refused = 0
    empty(b)
  end
  b.state, b.told, b.used, b.at, b.kept = state, 0, 0, now, 0
  b.attempts = (state == OPEN or state == HALF_OPEN or state == FORCED_OPEN) and attempts or 0
  if state == OPEN then
    b.at = now + open_wait(set, math.max(attempts, 1))
  end
  b.entered = true
end

local function go(b, set, state)
  local opens = (state == OPEN or state == FORCED_OPEN) and 1 or 0
  enter(b, set, state, b.attempts + opens)
end

-- Does what a timer would have done by now.
local function pass_time(b, set)
  if b.state == OPEN and set.automatic and now >= b.at then
    go(b, set, HALF_OPEN)
  elseif b.state == HALF_OPEN and set.half_open_max >= 1000 and now >= b.at + set.half_open_max then
    go(b, set, set.after)
  end
end

-- What is not ours is refused, not guessed at.
local function unpack_breaker(packed)
  local n = #packed == 8 * FIELDS and numbers(packed)
  for index = 1, FIELDS do
    if not n or not (n[index] >= 0) then
      error('not a breaker: ' .. breaker_key)
    end
  end
  return {
    state = n[1], epoch = n[2], attempts = n[3], at = n[4], by = n[5], calls = n[6], failed = n[7], slow = n[8],
    both = n[9], refused = n[10], told = n[11], used = n[12], kind = n[13], kept = n[14], exceeded = 0,
  }
end

local function load_breaker(set)
  local packed = redis.call('GET', breaker_key)
  local b = packed and unpack_breaker(packed)
  if not b then
    b = {epoch = 0, attempts = 0, refused = 0, kind = 0, by = BY_CALLS, exceeded = 0}
    empty(b)
    enter(b, set, set.initial, 1)
  end
  local kind = set.seconds and 1 or 0
  if b.kind ~= kind then
    b.kind = kind
    if b.by == BY_CALLS then
      empty(b)
    end
  end
  b.from = b.state
  pass_time(b, set)
  return b
end

local function save(b)
  settle(b)
  if b.entered then
    redis.call('DEL', trials_key)
  end
  local life = (b.state >= DISABLED and 30 or 1) * DAY
  if b.state == OPEN then
    life = life + math.max(b.at - now, 0)
  end
  -- The window outlives the numbers, and is told so once in a life only.
  if b.calls > 0 and (b.kept == 0 or now - b.kept > life) then
    redis.call('PEXPIRE', window_key, micros_to_millis(2 * life))
    b.kept = now
  end
  local packed = pack(
    b.state, b.epoch, b.attempts, b.at, b.by, b.calls, b.failed, b.slow, b.both, b.refused, b.told, b.used, b.kind, b.kept
  )
  redis.call('SET', breaker_key, packed, 'PX', micros_to_millis(life))
end

-- Failure rate and slow call rate; nothing while there are too few calls.
local function rates(b, set)
  local minimum = set.minimum
  if not set.seconds then
    minimum = math.min(minimum, set.size)
  end
  if b.by ~= BY_CALLS then
    minimum = math.min(minimum, set.permitted)
  end
  if b.calls > 0 and b.calls >= minimum then
    return single(single(b.failed * 100) / b.calls), single(single(b.slow * 100) / b.calls)
  end
end

-- Calls that HALF_OPEN would still let through: those that ended have used their place up, those that run hold it.
local function trials_left(b, set)
  local running = b.entered and 0 or redis.call('ZCOUNT', trials_key, now, '+inf')
  return math.max(set.permitted - b.used - running, 0)
end

local function hold_trial(b, set, lease)
  local over = set.half_open_max >= 1000 and b.at + set.half_open_max or now + TRIAL
  redis.call('ZREMRANGEBYSCORE', trials_key, '-inf', '(' .. string.format('%.0f', now))
  redis.call('ZADD', trials_key, over, lease)
  keep(trials_key, over - now + DAY)
end

-- What the one who asked is told: what became of the state, and why.
local function report(b, set)
  if not b then
    return {}
  end
  local failure, slow = rates(b, set)
  local wait = -1
  if b.state == OPEN then
    wait = math.max(b.at - now, 0)
  elseif b.state == HALF_OPEN and set.half_open_max > 0 then
    wait = math.max(b.at + set.half_open_max - now, 0)
  end
  return {
    b.from, b.state, b.exceeded, string.format('%.9g', failure or -1), string.format('%.9g', slow or -1),
    b.calls, b.failed, b.slow, b.both, b.refused, wait,
  }
end
