'use strict';

// Listens only on this machine: nginx is in front. PGHOST, PGDATABASE and so on name the database;
// a PGHOST that is a folder means the Unix socket in it, where PostgreSQL knows us by our user: no password.

const http = require('node:http');
const { Pool } = require('pg');
const { createApp } = require('./lib/app');
const { createStore } = require('./lib/store');

const PORT = Number(process.env.PORT ?? 3000);
const HOST = '127.0.0.1';
const GRACE_MS = 10_000;

const pool = new Pool({ max: 10, connectionTimeoutMillis: 5_000, idleTimeoutMillis: 30_000 });
// an idle connection that breaks (the database restarts) must not end the process: the pool opens a new one
pool.on('error', (error) => console.error(`database: ${error.message}`));

const server = http.createServer(createApp(createStore(pool)));
server.listen(PORT, HOST, () => console.log(`listening on ${HOST}:${PORT}`));

function stop(signal) {
  console.log(`${signal}: finishing open requests`);
  // unref: if all is done earlier, this timer does not keep the process alive
  setTimeout(() => process.exit(1), GRACE_MS).unref();
  server.close(() => pool.end().then(() => process.exit(0)));
  server.closeIdleConnections();
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
