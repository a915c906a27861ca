// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, describe, test } = require('node:test');
const { createClient, createClientPool, WatchError } = require('redis');
const server = require('./server');

for (const RESP of [2, 3]) {
  describe(`node-redis, RESP${RESP}`, () => {
    const client = createClient({ url: server.url, RESP });
    before(() => client.connect());
    beforeEach(() => client.flushAll());
    after(() => client.close());

    test('types of replies', async () => {
      await client.hSet('h', { a: '1', b: '2' });
      assert.deepEqual({ ...(await client.hGetAll('h')) }, { a: '1', b: '2' });
      await client.zAdd('z', [{ score: 1.5, value: 'x' }, { score: Infinity, value: 'y' }]);
      assert.equal(await client.zScore('z', 'x'), 1.5);
      assert.deepEqual(await client.zRangeWithScores('z', 0, -1), [
        { value: 'x', score: 1.5 },
        { value: 'y', score: Infinity },
      ]);
      await client.sAdd('s', ['a', 'b']);
      assert.deepEqual([...(await client.sMembers('s'))].sort(), ['a', 'b']);
    });

    test('a transaction, and one that is interfered with', async () => {
      assert.deepEqual(await client.multi().set('a', '1').incr('a').exec(), ['OK', 2]);
      const pool = createClientPool({ url: server.url, RESP });
      await pool.connect();
      await assert.rejects(
        pool.execute(async (mine) => {
          await mine.watch('a');
          await client.set('a', 'theirs');
          return mine.multi().set('a', 'mine').exec();
        }),
        WatchError,
      );
      await pool.close();
    });

    test('messages', async () => {
      const listener = await client.duplicate().connect();
      const got = [];
      await listener.subscribe('channel', (message) => got.push(message));
      await listener.sSubscribe('shard', (message) => got.push(message));
      await client.publish('channel', 'one');
      await client.sPublish('shard', 'two');
      await server.until(() => got.length === 2);
      assert.deepEqual(got, ['one', 'two']);
      await listener.close();
    });

    test('iterators', async () => {
      await Promise.all(Array.from({ length: 500 }, (_, i) => client.set(`key:${i}`, 'v')));
      const seen = new Set();
      for await (const keys of client.scanIterator({ MATCH: 'key:*' })) keys.forEach((key) => seen.add(key));
      assert.equal(seen.size, 500);
    });

    test('a script', async () => {
      assert.deepEqual(await client.eval('return {KEYS[1], ARGV[1], 3}', { keys: ['k'], arguments: ['v'] }), ['k', 'v', 3]);
    });
  });
}

test('the client-side cache is told of changes', async () => {
  const client = createClient({ url: server.url, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } });
  await client.connect();
  const other = await createClient({ url: server.url }).connect();
  await other.set('cached', 'one');
  assert.equal(await client.get('cached'), 'one');
  assert.equal(await client.get('cached'), 'one');
  await other.set('cached', 'two');
  await server.until(async () => (await client.get('cached')) === 'two');
  await client.close();
  await other.close();
});
