-- Begins every script. Times are microseconds: whole numbers below 2^53, which a Lua number holds exactly.
--
-- The time is Redis's own, so that the clocks of those who ask do not matter; a test may tell it as the first argument.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- The settings of one policy are one argument, numbers with commas between them; empty: there is no such policy.
local function numbers(text)
  local all = {}
  for word in string.gmatch(text, '[^,]+') do
    all[#all + 1] = tonumber(word)
  end
  return all
end

-- Lets a key live for at least so many microseconds more, and never shortens a life: others may have asked for longer.
local function keep(key, life)
  life = math.ceil(life / 1000)
  if redis.call('PTTL', key) < life then
    redis.call('PEXPIRE', key, life)
  end
end
