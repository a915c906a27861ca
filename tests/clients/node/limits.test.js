// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');
const { Redis } = require('ioredis');
const { RateLimiterRedis, BurstyRateLimiter } = require('rate-limiter-flexible');
const server = require('./server');

const storeClient = new Redis(server.port, server.host, { enableOfflineQueue: true });
after(() => storeClient.quit());

test('points are used up, block, and come back', async () => {
  const limiter = new RateLimiterRedis({ storeClient, points: 5, duration: 1, keyPrefix: 'limit' });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => limiter.consume('ada')));
  assert.equal(results.filter((r) => r.status === 'fulfilled').length, 5);
  const refused = results.find((r) => r.status === 'rejected').reason;
  assert.ok(refused.msBeforeNext > 0 && refused.msBeforeNext <= 1000);
  await server.sleep(refused.msBeforeNext + 20);
  assert.equal((await limiter.consume('ada')).remainingPoints, 4);
});

test('a burst is allowed beside a steady rate', async () => {
  const limiter = new BurstyRateLimiter(
    new RateLimiterRedis({ storeClient, points: 2, duration: 1, keyPrefix: 'steady' }),
    new RateLimiterRedis({ storeClient, points: 3, duration: 5, keyPrefix: 'burst' }),
  );
  const results = await Promise.allSettled(Array.from({ length: 7 }, () => limiter.consume('ada')));
  assert.equal(results.filter((r) => r.status === 'fulfilled').length, 5);
});
