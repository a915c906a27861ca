// SPDX-License-Identifier: BSD-3-Clause
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { after, before, test } = require('node:test');
const session = require('express-session');
const { RedisStore } = require('connect-redis');
const { createClient } = require('redis');
const server = require('./server');

const client = createClient({ url: server.url });
const store = new RedisStore({ client, prefix: 'session:', ttl: 60 });
const withSession = session({ store, secret: 'not one', resave: false, saveUninitialized: false });
const site = http.createServer((request, response) => {
  withSession(request, response, () => {
    request.session.visits = (request.session.visits ?? 0) + 1;
    response.end(String(request.session.visits));
  });
});

before(async () => {
  await client.connect();
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  site.close();
  await client.close();
});

test('a session lives on from request to request', async () => {
  const url = `http://127.0.0.1:${site.address().port}/`;
  const first = await fetch(url);
  assert.equal(await first.text(), '1');
  const cookie = first.headers.get('set-cookie').split(';')[0];
  assert.equal(await (await fetch(url, { headers: { cookie } })).text(), '2');
  assert.equal(await (await fetch(url)).text(), '1');
  const keys = await client.keys('session:*');
  assert.equal(keys.length, 2);
  assert.ok((await client.ttl(keys[0])) > 50);
});

test('a session that is destroyed is gone', async () => {
  const url = `http://127.0.0.1:${site.address().port}/`;
  const cookie = (await fetch(url)).headers.get('set-cookie').split(';')[0];
  const id = decodeURIComponent(cookie.split('=')[1]).slice(2).split('.')[0];
  await store.destroy(id);
  assert.ok(!(await store.get(id)));
  assert.equal(await (await fetch(url, { headers: { cookie } })).text(), '1');
});
