'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { createStore } = require('../lib/store');

function fakePool(answers) {
  const asked = [];
  return {
    asked,
    async query(sql, values) {
      asked.push({ sql, values });
      const answer = answers.shift() ?? { rows: [] };
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

test('text goes to the database as a value, never as SQL', async () => {
  const text = "'); DROP TABLE entries; --";
  const pool = fakePool([{ rows: [] }, { rows: [{ id: '1', text }] }]);
  assert.equal((await createStore(pool).add(text)).text, text);
  assert.deepEqual(pool.asked[1].values, [text]);
  assert.ok(!pool.asked[1].sql.includes('DROP'));
});

test('a database that was away at first is prepared when it is back', async () => {
  const pool = fakePool([new Error('refused')]);
  const store = createStore(pool);
  await assert.rejects(store.check(), /refused/);
  await store.check();
  await store.check();
  assert.equal(pool.asked.filter(({ sql }) => sql.startsWith('CREATE')).length, 2);
});
