// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, describe, test } = require('node:test');
const server = require('./server');

// iovalkey is a fork with the same interface.
for (const name of ['ioredis', 'iovalkey']) {
  describe(name, () => {
    const { Redis } = require(name);
    const redis = new Redis(server.port, server.host);
    beforeEach(() => redis.flushall());
    after(() => redis.quit());

    test('commands pipelined by themselves', async () => {
      const counts = await Promise.all(Array.from({ length: 1000 }, () => redis.incr('n')));
      assert.deepEqual(counts, Array.from({ length: 1000 }, (_, i) => i + 1));
    });

    test('a transaction', async () => {
      const replies = await redis.multi().set('a', '1').incr('a').lpush('a', 'x').get('a').exec();
      assert.deepEqual(replies.filter(([error]) => !error).map(([, reply]) => reply), ['OK', 2, '2']);
      assert.match(replies[2][0].message, /^WRONGTYPE/);
    });

    test('a watched key', async () => {
      await redis.watch('k');
      const other = redis.duplicate();
      await other.set('k', 'theirs');
      assert.equal(await redis.multi().set('k', 'mine').exec(), null);
      await other.quit();
    });

    test('a script as a command', async () => {
      redis.defineCommand('take', {
        numberOfKeys: 1,
        lua: `local v = redis.call('GET', KEYS[1]) or ARGV[1]
              redis.call('SET', KEYS[1], v - 1)
              return {v, tonumber(v) > 0}`,
      });
      assert.deepEqual(await redis.take('tokens', 5), ['5', 1]);
      await redis.script('FLUSH');
      assert.deepEqual(await redis.take('tokens', 5), ['4', 1]);
    });

    test('messages', async () => {
      const listener = redis.duplicate();
      const got = [];
      listener.on('message', (channel, message) => got.push([channel, message]));
      listener.on('pmessage', (pattern, channel, message) => got.push([pattern, channel, message]));
      await listener.subscribe('news');
      await listener.psubscribe('n*');
      assert.equal(await redis.publish('news', 'hello'), 2);
      await server.until(() => got.length === 2);
      assert.deepEqual(got, [['news', 'hello'], ['n*', 'news', 'hello']]);
      await listener.quit();
    });

    test('a scan as a stream', async () => {
      const pipeline = redis.pipeline();
      for (let i = 0; i < 2000; i++) pipeline.set(`key:${i}`, i);
      await pipeline.exec();
      const seen = new Set();
      for await (const keys of redis.scanStream({ match: 'key:*', count: 100 }))
        keys.forEach((key) => seen.add(key));
      assert.equal(seen.size, 2000);
    });

    test('blocking, and binary values', async () => {
      const other = redis.duplicate();
      const waits = other.blpopBuffer('queue', 5);
      await redis.rpush('queue', Buffer.from([0, 255, 13, 10]));
      assert.deepEqual((await waits)[1], Buffer.from([0, 255, 13, 10]));
      await other.quit();
    });

    test('a stream read while it grows', async () => {
      const reader = redis.duplicate();
      const waits = reader.xread('BLOCK', 5000, 'STREAMS', 'events', '$');
      await server.until(async () => (await redis.client('LIST')).includes('cmd=xread'));
      const id = await redis.xadd('events', '*', 'field', 'value');
      assert.deepEqual(await waits, [['events', [[id, ['field', 'value']]]]]);
      await reader.quit();
    });
  });
}
