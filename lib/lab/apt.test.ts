import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { onlyAsRoot } from '../../test/support/requirements.ts';

/** A place where apt has no sources, and somebody holds the lock of its lists for some seconds. */
const HELD = `
set -e
mount --make-rprivate /
for dir in /var/lib/apt/lists /etc/apt; do mount -t tmpfs tmpfs $dir; done
mkdir /var/lib/apt/lists/partial /etc/apt/apt.conf.d /etc/apt/preferences.d /etc/apt/sources.list.d /etc/apt/trusted.gpg.d
touch /etc/apt/sources.list
perl -MFcntl -e '
  open(my $lock, ">", "/var/lib/apt/lists/lock") or die;
  my $whole = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0);
  fcntl($lock, F_SETLK, $whole) or die;
  open(my $ready, ">", "$ARGV[0]/held"); close $ready; sleep 4' "$1" >/dev/null 2>&1 &
while [ ! -e "$1/held" ]; do kill -0 $! && sleep 0.1; done
node --import tsx "$1/main.mts"
`;

describe('apt beside others', function () {
  this.timeout(60_000);

  it('waits for who reads the lists', function () {
    onlyAsRoot(this, 'takes the lock of apt');
    const dir = mkdtempSync(join(tmpdir(), 'polarplay-apt-'));
    try {
      const apt = join(import.meta.dirname, 'apt.ts');
      writeFileSync(
        join(dir, 'main.mts'),
        `import { refreshLists } from '${apt}';\nawait refreshLists(console.log);\n`,
      );
      const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'bash', '-c', HELD, 'bash', dir], {
        encoding: 'utf8',
        cwd: join(import.meta.dirname, '../..'),
      });
      expect([status, stdout, stderr]).to.deep.equal([0, 'waiting for another apt to end\n', '']);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
