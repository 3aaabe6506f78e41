-- The calls that count: a list with the newest first, and its sums in the breaker's table `b`.
--
-- A window of calls holds one digit for each (1: failed, 2: slow, 3: both, 0: neither); a window of time holds one
-- "second calls failed slow both" for each second that had a call. A record moves the two ends of the list only, so it
-- costs the same whatever the size.
--
-- The sums and the list are two keys, and Redis may evict one of them: where they do not fit each other, the window
-- begins anew. So it does where the settings change from calls to seconds.
local window_key = KEYS[2]

-- Empties the window, on paper only: a script that looks writes nothing.
local function empty(b)
  b.calls, b.failed, b.slow, b.both, b.clear = 0, 0, 0, 0, true
end

-- Does to the list what was done on paper.
local function settle(b)
  if b.clear then
    redis.call('DEL', window_key)
    b.clear, b.kept = false, 0
  end
end

local function add(b, calls, failed, slow, both)
  b.calls, b.failed = b.calls + calls, b.failed + failed
  b.slow, b.both = b.slow + slow, b.both + both
end

-- A digit as the four numbers that it adds to the sums.
local function one(digit)
  local failed, slow = digit % 2, math.floor(digit / 2)
  return 1, failed, slow, failed * slow
end

-- A window that was made smaller loses at most so many with each call, so that no call makes others wait.
local EVICTED_MAX = 1000

local function record_call(b, digit, size)
  settle(b)
  if redis.call('LPUSH', window_key, digit) ~= b.calls + 1 then
    empty(b)
    settle(b)
    redis.call('LPUSH', window_key, digit)
  end
  add(b, one(digit))
  for _ = 1, math.min(b.calls - size, EVICTED_MAX) do
    local calls, failed, slow, both = one(tonumber(redis.call('RPOP', window_key)))
    add(b, -calls, -failed, -slow, -both)
  end
end

local function parts(bucket)
  local second, calls, failed, slow, both = string.match(bucket or '', '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  if second then
    return tonumber(second), tonumber(calls), tonumber(failed), tonumber(slow), tonumber(both)
  end
end

-- Lets go of the seconds that are over.
local function forget_seconds(b, second, size)
  while b.calls > 0 do
    local oldest, calls, failed, slow, both = parts(redis.call('LINDEX', window_key, -1))
    if not oldest or calls > b.calls then
      return empty(b)
    end
    if oldest > second - size then
      return
    end
    redis.call('RPOP', window_key)
    add(b, -calls, -failed, -slow, -both)
  end
end

local function record_second(b, digit, size)
  local second = math.floor(now / 1000000)
  forget_seconds(b, second, size)
  if b.calls == 0 then
    empty(b)
  end
  settle(b)
  local calls, failed, slow, both = one(digit)
  local newest, c, f, s, t = parts(redis.call('LINDEX', window_key, 0))
  -- A clock that went back counts in the second that it was at.
  local same = newest and newest >= second
  if same then
    second, c, f, s, t = newest, c + calls, f + failed, s + slow, t + both
  else
    c, f, s, t = calls, failed, slow, both
  end
  local bucket = string.format('%.0f %d %d %d %d', second, c, f, s, t)
  if same then
    redis.call('LSET', window_key, 0, bucket)
  else
    redis.call('LPUSH', window_key, bucket)
  end
  add(b, calls, failed, slow, both)
end
