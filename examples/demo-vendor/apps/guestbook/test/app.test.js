'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { after, before, beforeEach, test } = require('node:test');
const { createApp } = require('../lib/app');

let entries;
let broken;
const store = {
  async check() {
    if (broken) throw new Error('connection refused by /run/postgresql');
  },
  async add(text) {
    await this.check();
    entries.unshift({ id: entries.length + 1, text, written: new Date(0) });
    return entries[0];
  },
  async latest(count) {
    await this.check();
    return entries.slice(0, count);
  },
};

const server = http.createServer(createApp(store, () => {}));
let base;
before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  entries = [];
  broken = false;
});

const post = (path, type, body) =>
  fetch(base + path, { method: 'POST', headers: { 'content-type': type }, body, redirect: 'manual' });

test('an entry that was posted as JSON is listed', async () => {
  const posted = await post('/api/entries', 'application/json', '{"text":"good day"}');
  assert.equal(posted.status, 201);
  const listed = await (await fetch(`${base}/api/entries`)).json();
  assert.deepEqual(listed.map((e) => e.text), ['good day']);
});

test('the form leads back to the page, which shows the entry as text', async () => {
  const text = '<script>alert("x")</script> & \'y\'';
  const posted = await post('/', 'application/x-www-form-urlencoded', String(new URLSearchParams({ text })));
  assert.equal(posted.status, 303);
  const page = await (await fetch(`${base}/`)).text();
  assert.ok(page.includes('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;'));
  assert.ok(!page.includes('<script>'));
});

test('it is healthy while the database answers, and says nothing of it when not', async () => {
  assert.equal((await fetch(`${base}/health`)).status, 200);
  broken = true;
  const answer = await fetch(`${base}/health`);
  assert.equal(answer.status, 503);
  assert.ok(!(await answer.text()).includes('postgresql'));
});

test('what is no entry is refused', async () => {
  const bodies = ['', '{', 'null', '{}', '{"text":7}', '{"text":" "}', '{"text":"a\\u0000b"}'];
  bodies.push(JSON.stringify({ text: 'x'.repeat(1001) }));
  for (const body of bodies) {
    assert.equal((await post('/api/entries', 'application/json', body)).status, 400, body);
  }
  assert.equal((await post('/', 'application/x-www-form-urlencoded', 'other=1')).status, 400);
  assert.equal(entries.length, 0);
});

test('a body without end is cut off', async () => {
  const answer = await post('/api/entries', 'application/json', 'x'.repeat(20_000));
  assert.equal(answer.status, 413);
});

test('unknown pages and methods are told apart', async () => {
  assert.equal((await fetch(`${base}/nowhere`)).status, 404);
  assert.equal((await fetch(`${base}/health`, { method: 'DELETE' })).status, 405);
  assert.equal((await fetch(`${base}/health?x=1`, { method: 'HEAD' })).status, 200);
});
