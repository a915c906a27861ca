-- SPDX-License-Identifier: BSD-3-Clause
-- redis-lua: commands, a pipeline, a transaction with check-and-set, a subscription.
local redis = require 'redis'
local client = redis.connect('127.0.0.1', tonumber(os.getenv('STRATA_PORT')))

assert(client:set('a', 1))
assert(client:incrby('a', 41) == 42)
assert(client:hmset('h', { f = 'v', g = 'w' }))
assert(client:hgetall('h').g == 'w')

local replies = client:pipeline(function(p)
    p:lpush('l', 'x', 'y')
    p:lrange('l', 0, -1)
end)
assert(replies[1] == 2 and replies[2][1] == 'y')

local results = client:transaction({ watch = 'a', cas = true, retry = 2 }, function(t)
    local value = t:get('a')
    t:multi()
    t:set('a', value + 1)
    t:get('a')
end)
assert(results[2] == '43')

local listener = redis.connect('127.0.0.1', tonumber(os.getenv('STRATA_PORT')))
for message, stop in listener:pubsub({ subscribe = { 'channel' } }) do
    if message.kind == 'subscribe' then
        client:publish('channel', 'hello')
    elseif message.kind == 'message' then
        assert(message.payload == 'hello')
        stop()
    end
end
print('ok')
