'use strict';

const SCHEMA = `CREATE TABLE IF NOT EXISTS entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  text text NOT NULL,
  written timestamptz NOT NULL DEFAULT now()
)`;

/** Entries in PostgreSQL. `pool` is a pg.Pool, or anything with its `query`. */
function createStore(pool) {
  let ready;

  // on the first request and not at startup: the service starts before its database does
  function prepare() {
    ready ??= pool.query(SCHEMA).catch((error) => {
      ready = undefined;
      throw error;
    });
    return ready;
  }

  return {
    async check() {
      await prepare();
      await pool.query('SELECT 1 FROM entries LIMIT 1');
    },

    async add(text) {
      await prepare();
      const { rows } = await pool.query(
        'INSERT INTO entries (text) VALUES ($1) RETURNING id, text, written',
        [text],
      );
      return rows[0];
    },

    async latest(count) {
      await prepare();
      const { rows } = await pool.query(
        'SELECT id, text, written FROM entries ORDER BY id DESC LIMIT $1',
        [count],
      );
      return rows;
    },
  };
}

module.exports = { createStore };
