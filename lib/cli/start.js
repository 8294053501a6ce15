#!/usr/bin/env node
// The installed command. Every Node can read this file (CommonJS, old syntax), so that an old one gets a sentence and
// not a stack; `--version` is answered here because loading modules would double its time.

const needed = 'NODE';
const own = process.versions.node;
const older = (a, b) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
const parts = version => version.split('.').map(Number);

if (older(parts(own), parts(needed))) {
  process.stderr.write(`polarplay: Node ${needed} or newer is needed; this is Node ${own} (${process.execPath}).
Debian 12 and Ubuntu 24.04 ship Node 18. Newer ones: an archive from https://nodejs.org/en/download, which is unpacked
anywhere and needs no network, or packages from https://github.com/nodesource/distributions
`);
  process.exitCode = 1;
} else if (process.argv.length === 3 && process.argv[2] === '--version') {
  process.stdout.write('polarplay VERSION\n');
} else {
  import('./main.mjs');
}
