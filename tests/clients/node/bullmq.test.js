// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');
const { FlowProducer, Queue, QueueEvents, Worker } = require('bullmq');
const server = require('./server');

const connection = { host: server.host, port: server.port };
const open = [];
const opened = (thing) => {
  open.push(thing);
  return thing;
};
after(() => Promise.all(open.map((thing) => thing.close())));

const queueOf = (name) => opened(new Queue(name, { connection }));
const workerOf = (name, run, options) => opened(new Worker(name, run, { connection, ...options }));
const eventsOf = (name) => opened(new QueueEvents(name, { connection }));

test('several workers run each job once', async () => {
  const queue = queueOf('many');
  const runs = new Map();
  for (let i = 0; i < 3; i++)
    workerOf('many', async (job) => runs.set(job.data.n, (runs.get(job.data.n) ?? 0) + 1), { concurrency: 5 });
  await queue.addBulk(Array.from({ length: 300 }, (_, n) => ({ name: 'job', data: { n } })));
  await server.until(async () => (await queue.getCompletedCount()) === 300);
  assert.equal(runs.size, 300);
  assert.deepEqual([...new Set(runs.values())], [1]);
});

test('a caller waits for its result', async () => {
  const events = eventsOf('results');
  await events.waitUntilReady();
  workerOf('results', async (job) => job.data.n * 2);
  const job = await queueOf('results').add('double', { n: 21 });
  assert.equal(await job.waitUntilFinished(events, 10000), 42);
});

test('delayed jobs wait, and keep their order', async () => {
  const queue = queueOf('delayed');
  const order = [];
  workerOf('delayed', async (job) => order.push(job.name));
  const start = Date.now();
  await queue.add('late', {}, { delay: 600 });
  await queue.add('soon', {}, { delay: 200 });
  await queue.add('now', {});
  await server.until(() => order.length === 3);
  assert.deepEqual(order, ['now', 'soon', 'late']);
  assert.ok(Date.now() - start >= 600);
});

test('priorities', async () => {
  const queue = queueOf('priorities');
  const order = [];
  for (const priority of [5, 1, 3]) await queue.add(`p${priority}`, {}, { priority });
  workerOf('priorities', async (job) => order.push(job.name));
  await server.until(() => order.length === 3);
  assert.deepEqual(order, ['p1', 'p3', 'p5']);
});

test('failed jobs are tried again with a backoff', async () => {
  const queue = queueOf('retries');
  let attempts = 0;
  workerOf('retries', async () => {
    if (++attempts < 3) throw new Error('on purpose');
  });
  const job = await queue.add('job', {}, { attempts: 3, backoff: { type: 'exponential', delay: 50 } });
  await server.until(() => job.isCompleted());
  assert.equal(attempts, 3);
});

test('a scheduler repeats', async () => {
  const queue = queueOf('repeated');
  let runs = 0;
  workerOf('repeated', async () => runs++);
  await queue.upsertJobScheduler('every', { every: 200 }, { name: 'tick' });
  await server.until(() => runs >= 3);
  assert.equal((await queue.getJobSchedulers()).length, 1);
  assert.equal(await queue.removeJobScheduler('every'), true);
});

test('a flow runs children before their parent', async () => {
  const flow = opened(new FlowProducer({ connection }));
  const order = [];
  workerOf('children', async (job) => {
    order.push(job.name);
    return job.name.length;
  });
  workerOf('parents', async (job) => {
    order.push(job.name);
    return Object.values(await job.getChildrenValues());
  });
  const events = eventsOf('parents');
  await events.waitUntilReady();
  const { job } = await flow.add({
    name: 'parent',
    queueName: 'parents',
    children: ['a', 'bb', 'ccc'].map((name) => ({ name, queueName: 'children' })),
  });
  const result = await job.waitUntilFinished(events, 10000);
  assert.deepEqual(result.sort(), [1, 2, 3]);
  assert.equal(order.at(-1), 'parent');
});

test('a rate limit holds', async () => {
  const queue = queueOf('limited');
  const times = [];
  await queue.addBulk(Array.from({ length: 6 }, () => ({ name: 'job', data: {} })));
  workerOf('limited', async () => times.push(Date.now()), { limiter: { max: 2, duration: 300 } });
  await server.until(() => times.length === 6);
  assert.ok(times[5] - times[0] >= 500, `6 jobs in ${times[5] - times[0]} ms`);
});

test('pause, drain, clean and count', async () => {
  const queue = queueOf('managed');
  await queue.pause();
  await queue.addBulk(Array.from({ length: 20 }, () => ({ name: 'job', data: {} })));
  assert.equal((await queue.getJobCounts('paused')).paused, 20);
  await queue.drain();
  assert.equal((await queue.getJobCounts('paused')).paused, 0);
  await queue.resume();
  workerOf('managed', async () => {});
  await queue.add('last', {});
  await server.until(async () => (await queue.getCompletedCount()) === 1);
  assert.equal((await queue.clean(0, 100, 'completed')).length, 1);
  await queue.obliterate({ force: true });
});
