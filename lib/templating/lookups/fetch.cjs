// A program of its own, for templates, which cannot wait: the request on standard input, the answer on standard output.
const { readFileSync } = require('node:fs');

async function main() {
  const { url, method, headers, body, timeout } = JSON.parse(readFileSync(0, 'utf8'));
  const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(timeout) });
  if (!response.ok) throw new Error(`the server answers ${response.status} ${response.statusText}`);
  process.stdout.write(Buffer.from(await response.arrayBuffer()));
}

main().catch(error => {
  process.stderr.write(String(error.cause?.message ?? error.message));
  process.exitCode = 1;
});
