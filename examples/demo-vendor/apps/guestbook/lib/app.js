'use strict';

const { page } = require('./page');

const SHOWN = 50;
const LONGEST_TEXT = 1_000;
const LARGEST_BODY = 16 * 1024;

class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The request handler for a store with `check`, `add` and `latest`. */
function createApp(store, log = console.error) {
  const routes = {
    'GET /': async () => html(page(await store.latest(SHOWN))),
    'POST /': async (request) => {
      await store.add(await textOf(request));
      return { status: 303, headers: { location: '/' }, body: '' };
    },
    'GET /api/entries': async () => json(200, await store.latest(SHOWN)),
    'POST /api/entries': async (request) => json(201, await store.add(await textOf(request))),
    // healthy means that an entry could be stored now, not that a process runs
    'GET /health': async () => {
      await store.check();
      return json(200, { status: 'ok' });
    },
  };

  return async (request, response) => {
    let answer;
    try {
      answer = await dispatch(routes, request);
    } catch (error) {
      if (!(error instanceof RequestError)) log(`${request.method} ${request.url}: ${error.message}`);
      // internal errors are for the log: a visitor learns nothing about the database
      answer = error instanceof RequestError
        ? json(error.status, { error: error.message })
        : json(503, { error: 'the guestbook is not available' });
    }
    send(request, response, answer);
  };
}

async function dispatch(routes, request) {
  const path = request.url.split('?', 1)[0];
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes[`${method} ${path}`];
  if (route) return route(request);
  const known = Object.keys(routes).some((name) => name.endsWith(` ${path}`));
  throw known ? new RequestError(405, 'method not allowed') : new RequestError(404, 'not found');
}

async function textOf(request) {
  const body = await bodyOf(request);
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0].trim();
  const text = type === 'application/json' ? fromJson(body) : new URLSearchParams(body).get('text');
  if (typeof text !== 'string' || text.trim() === '') throw new RequestError(400, 'text is missing');
  if (text.length > LONGEST_TEXT) throw new RequestError(400, `text is longer than ${LONGEST_TEXT}`);
  // PostgreSQL's text has no zero character
  if (text.includes('\0')) throw new RequestError(400, 'text contains a zero character');
  return text;
}

function fromJson(body) {
  try {
    return JSON.parse(body)?.text;
  } catch {
    throw new RequestError(400, 'the body is not JSON');
  }
}

async function bodyOf(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > LARGEST_BODY) throw new RequestError(413, 'the body is too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function html(body) {
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}

function json(status, value) {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  return { status, headers, body: `${JSON.stringify(value)}\n` };
}

function send(request, response, { status, headers, body }) {
  response.writeHead(status, {
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(body),
    ...headers,
    // if a body was not read to its end, the connection cannot carry another request
    ...(status === 413 && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

module.exports = { createApp };
