-- A retry budget: `trunkline_resilience::budget`. KEYS[1] is a hash: what was paid in less what was taken by tenth of the
-- time, its sum, the number of the present tenth and its length. In thousandths of a repetition.
--
-- ARGV: now, length of a tenth, what is free, what is paid in (below 0: a repetition is asked for). Answers 1 where it is.
local SLICES, TOKEN = 10, 1000
local key, length, free, paid = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local fields = {'slice', 'length', 'total'}
for index = 0, SLICES - 1 do
  fields[#fields + 1] = index
end
local values = redis.call('HMGET', key, unpack(fields))
local slice, total = tonumber(values[1] or 0), tonumber(values[3] or 0)
local present = math.floor(now / length)
if tonumber(values[2]) ~= length then
  -- It is new, or its time is another one: what was paid in cannot be told apart any more.
  redis.call('DEL', key)
  slice, total, values = present, 0, {}
end

-- A debt is forgotten like a deposit, each after its time.
local changed = {}
for step = math.max(slice + 1, present - SLICES + 1), present do
  local index = step % SLICES
  total = total - tonumber(values[4 + index] or 0)
  values[4 + index], changed[index] = 0, 0
end
slice = math.max(slice, present)

local granted = paid >= 0 or math.floor((total + free) / TOKEN) >= 1
if granted then
  local index, sum = slice % SLICES, paid >= 0 and paid or -TOKEN
  changed[index] = tonumber(values[4 + index] or 0) + sum
  total = total + sum
end
local all = {'slice', slice, 'length', length, 'total', total}
for index, value in pairs(changed) do
  all[#all + 1] = index
  all[#all + 1] = value
end
redis.call('HSET', key, unpack(all))
keep(key, length * (SLICES + 1))
return granted and 1 or 0
