-- Begins every script. Times are microseconds: whole numbers below 2^53, which a Lua number holds exactly.
--
-- The time is Redis's own, so that the clocks of those who ask do not matter; a test may tell it as the first argument.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- Numbers that were packed, 8 bytes each: settings, of which each policy's are one argument, and what is kept in a
-- value. Twice as fast as text, of which Redis, with its one thread for all who ask, is to do little.
local function numbers(packed)
  return {struct.unpack('<' .. string.rep('d', #packed / 8), packed)}
end

local function pack(...)
  return struct.pack('<' .. string.rep('d', select('#', ...)), ...)
end

local function micros_to_millis(life)
  return string.format('%.0f', math.ceil(life / 1000))
end

-- Lets a key live for at least so many microseconds more, and never shortens a life: others may have asked for longer.
local function keep(key, life)
  if redis.call('PTTL', key) < life / 1000 then
    redis.call('PEXPIRE', key, micros_to_millis(life))
  end
end
