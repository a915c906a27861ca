# SPDX-License-Identifier: BSD-3-Clause
# redis-rb: pipelines, transactions, subscriptions, scripts.
require 'redis'

def check(got, wanted)
  abort "got #{got.inspect} instead of #{wanted.inspect}" unless got == wanted
end

redis = Redis.new(port: ENV.fetch('STRATA_PORT').to_i)
check redis.set('a', '1'), 'OK'
check redis.pipelined { |pipe| pipe.incr('a'); pipe.get('a'); pipe.mget('a', 'none') }, [2, '2', ['2', nil]]
check redis.multi { |multi| multi.hset('h', 'f', 'v'); multi.hgetall('h') }, [1, { 'f' => 'v' }]
check redis.watch('a') { redis.set('a', '9'); redis.multi { |multi| multi.get('a') } }, nil
check redis.eval('return {KEYS[1], ARGV[1]}', keys: ['k'], argv: ['v']), %w[k v]
check redis.zadd('z', [[1.5, 'a'], [2, 'b']]), 2
check redis.zrange('z', 0, -1, with_scores: true), [['a', 1.5], ['b', 2.0]]
check redis.scan_each(match: '?').to_a.sort, %w[a h z]

got = nil
listener = Thread.new do
  Redis.new(port: ENV.fetch('STRATA_PORT').to_i).subscribe('channel') do |on|
    on.message { |_, message| got = message; Thread.current[:ready] = false; Thread.exit }
    on.subscribe { Thread.current[:ready] = true }
  end
end
sleep 0.01 until listener[:ready]
redis.publish('channel', 'hello')
listener.join(5)
check got, 'hello'
puts 'ok'
