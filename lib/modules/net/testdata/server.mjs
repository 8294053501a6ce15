// A small web service for tests: prints its port, and ends with its stdin.
import { createServer } from 'node:http';

const MODIFIED = new Date(Date.UTC(2024, 0, 2, 3, 4, 5));

const answers = {
  '/file.txt': (request, response) => {
    const since = Date.parse(request.headers['if-modified-since'] ?? '');
    if (since >= MODIFIED.getTime()) return response.writeHead(304).end();
    response.writeHead(200, { 'Last-Modified': MODIFIED.toUTCString(), 'Content-Length': 6 }).end('hello\n');
  },
  '/redirect': (_, response) => response.writeHead(302, { Location: '/file.txt' }).end('moved'),
  '/disposition': (_, response) =>
    response.writeHead(200, { 'Content-Disposition': 'attachment; filename="../named.bin"' }).end('named'),
  '/json': (_, response) =>
    response
      .writeHead(200, { 'Content-Type': 'application/json', 'X-Some-Header': 'x y', 'Set-Cookie': 'a=1; Path=/' })
      .end('{"b": [1, 2.5, "ü"]}'),
  '/sums': (_, response) =>
    response.writeHead(200).end(
      `${'0'.repeat(64)}  other\n5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  ./file.txt\n`,
    ),
  '/auth': (request, response) => {
    if (request.headers.authorization === `Basic ${btoa("me:it's \"secret\"")}`)
      return response.writeHead(200, { 'Content-Type': 'text/plain' }).end('let in');
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end('no');
  },
  '/echo': (request, response) => {
    const parts = [];
    request.on('data', part => parts.push(part));
    request.on('end', () => {
      const { method, headers } = request;
      const body = Buffer.concat(parts).toString('latin1');
      const { 'content-type': type = null, 'x-mine': mine = null, 'user-agent': agent } = headers;
      response
        .writeHead(method === 'DELETE' ? 204 : 200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ method, type, mine, agent, body }));
    });
  },
};

const server = createServer((request, response) => {
  const answer = answers[request.url.replace(/\?.*/, '')];
  if (answer) answer(request, response);
  else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('nothing here');
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
