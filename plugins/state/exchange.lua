-- One exchange of one replica: what it tells of all its targets, merged with what is known, and the answer.
-- memory.py is the same in Python, and a test compares the two.
-- KEYS: the replicas, then one key per target. ARGV: the replica's name, terms, and what it tells, per target.
local me, terms, told = ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local lease_ms, kept_ms, seen_ms, wanted_ms = terms[2], terms[3], terms[4], terms[5]
local NONE, SUSPECTED, MADE, BY_HAND = 0, 1, 2, 3

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A write on every exchange, so that a replica of Redis' that cannot write is never taken for a store.
redis.call('ZADD', KEYS[1], now, me)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - seen_ms)
redis.call('PEXPIRE', KEYS[1], kept_ms)

local function load(key)
  local found, record = pcall(cjson.decode, redis.call('GET', key) or '')
  if found and type(record) == 'table' then
    return record
  end
  return {
    epoch = 0, state = 'closed', opens = 0, open_ms = 0, ejections = 0, successes = 0, hand = -1, full = 0, full_ms = 0,
    misconfigured = 0, misconfigured_ms = 0, by = '', holder = '', lease = 0, wanted = '', wanted_until = 0,
    unused = 0, suspects = {},
  }
end

-- After a failover the clock may be another's: nothing lasts longer than was meant.
local function clip(record)
  record.opens = math.min(record.opens, now + record.open_ms)
  record.full = math.min(record.full, now + record.full_ms)
  record.misconfigured = math.min(record.misconfigured, now + record.misconfigured_ms)
  record.lease = math.min(record.lease, now + lease_ms)
  record.hand = math.min(record.hand, now)
end

local function is_probed(state)
  return state == 'open' or state == 'half_open'
end

local function confirmed(record, open_ms)
  local others = false
  for name, ends in pairs(record.suspects) do
    if ends <= now then
      record.suspects[name] = nil
    elseif name ~= me then
      others = true
    end
  end
  if not others then
    record.suspects[me] = now + open_ms
  end
  return others
end

local function accepts(record, epoch, change, open_ms, hand_ms)
  if change == BY_HAND then
    return now - hand_ms >= record.hand
  elseif change == NONE then
    return epoch > record.epoch -- the store lost what this replica still knows
  end
  if epoch < record.epoch and record.by ~= me then
    return false -- late: another agreement came first
  end
  return change == MADE or is_probed(record.state) or confirmed(record, open_ms)
end

local function left(ends)
  return math.max(0, ends - now)
end

local function lend(record, asks, gives, missed, current)
  if not is_probed(record.state) then
    record.holder, record.lease, record.wanted = '', 0, ''
    return
  end
  if record.lease <= now then
    record.holder = ''
  end
  if record.holder == me and gives then
    record.holder = record.wanted_until > now and record.wanted or ''
    record.lease, record.wanted, record.unused = now + lease_ms, '', record.unused + 1
  elseif record.holder == me and asks then
    record.lease = now + lease_ms
  elseif record.holder == '' and asks and current then
    record.holder, record.lease, record.wanted = me, now + lease_ms, ''
  elseif record.holder ~= '' and record.holder ~= me and missed then
    record.wanted, record.wanted_until = me, now + wanted_ms
  end
end

local answers = {}
for index, each in ipairs(told) do
  local epoch, change, state, open_ms, ejections, successes, hand_ms, full_ms, misconfigured_ms = unpack(each, 1, 9)
  local key = KEYS[index + 1]
  local record = load(key)
  local before = cjson.encode(record)
  clip(record)
  local accepted = accepts(record, epoch, change, open_ms, hand_ms)
  if accepted then
    if change == SUSPECTED and record.holder == me then
      record.holder = '' -- whose way there may be at fault leaves the next try to others
    end
    record.epoch = change == NONE and epoch or math.max(now, record.epoch + 1, epoch + 1)
    record.state, record.opens, record.open_ms = state, now + open_ms, open_ms
    record.ejections, record.successes, record.by = ejections, successes, me
    record.unused, record.suspects = 0, {}
    if change == BY_HAND or change == NONE then
      record.hand = hand_ms >= 0 and now - hand_ms or -1
      record.full, record.misconfigured = 0, 0
    end
  end
  local current = accepted or epoch == record.epoch
  if current and full_ms > 0 and now + full_ms > record.full then
    record.full, record.full_ms = now + full_ms, full_ms
  end
  if current and misconfigured_ms > 0 and now + misconfigured_ms > record.misconfigured then
    record.misconfigured, record.misconfigured_ms = now + misconfigured_ms, misconfigured_ms
  end
  lend(record, each[10] == 1 and change ~= SUSPECTED, each[11] == 1, each[12] == 1, current)
  local after = cjson.encode(record)
  if after ~= before then
    redis.call('SET', key, after, 'PX', kept_ms)
  elseif record.epoch > 0 and redis.call('PTTL', key) < kept_ms / 2 then
    redis.call('PEXPIRE', key, kept_ms)
  end
  local wanted = record.wanted ~= '' and record.wanted ~= record.holder and record.wanted_until > now
  answers[index] = {
    record.epoch, record.state, left(record.opens), record.ejections, record.successes,
    record.hand >= 0 and now - record.hand or -1, left(record.full), left(record.misconfigured), record.by,
    record.holder, record.holder ~= '' and left(record.lease) or 0, wanted and 1 or 0, record.unused,
  }
end
return cjson.encode({ redis.call('ZCARD', KEYS[1]), answers })
