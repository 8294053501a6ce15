import { shellWord } from '../../lib/transport/index.ts';
import type { Check } from '../check.ts';

/** $d becomes the folder of the newest backup, or nothing. */
const newest = (directory: string) =>
  `d=$(ls -d ${shellWord(directory)}/[0-9]* 2>/dev/null | grep -v '\\.' | sort | tail -n 1)`;

/** Whether there is something to go back to. */
export const backupChecks: readonly Check[] = [
  {
    id: 'backup.fresh',
    title: 'a whole backup is there, not older than the policy',
    proves:
      'The newest finished backup is younger than backup_max_age_hours, holds a data directory with its label or manifest and every file that the manifest names, and lies on a disk that is not shared.',
    expects: 'a backup younger than backup_max_age_hours',
    todo: 'Run backup.yml, which takes one and tries to restore it; let cron or a timer do so as often as your policy says.',
    severity: 'warning',
    on: 'backup',
    asks: ({ deployment: { backup } }) => ({
      installed: '[ -e /etc/polar/backup.env ] && echo yes; :',
      backups: `for d in ${shellWord(backup.directory)}/[0-9]*; do case $d in *.partial | *.check | *'*') continue ;; esac; echo "$(stat -c %Y "$d" "$d/local" 2>/dev/null | sort -n | head -n 1) $(date +%s) $([ -s "$d/local/PG_VERSION" ] && { [ -s "$d/local/backup_label" ] || [ -s "$d/local/backup_manifest" ]; } && echo whole || echo incomplete) \${d##*/}"; done | sort -n | tail -n 1`,
      // Quick: whether every file that the manifest names is there, with its size. Not by pg_verifybackup: PolarDB's manifest
      // names a file of the node and one of the shared data alike: the path stands there twice.
      manifest: `${newest(backup.directory)}; [ ! -e "$d/local/backup_manifest" ] || { cd "$d" && { find local shared -type f -printf '%s %P\\n' 2>/dev/null; echo ==; sed -n 's/.*"Path": "\\([^"]*\\)", "Size": \\([0-9]*\\).*/\\2 \\1/p' local/backup_manifest; } | awk '$0 == "==" { named = 1; next } !named { there[$0]++; next } --there[$0] < 0 { sub(/^[0-9]+ /, ""); print "not there, or of another size: " $0 }' | head -n 3; }`,
      kind: `stat -f -c %T ${shellWord(backup.directory)} 2>/dev/null; :`,
      place: `findmnt -rn -T ${shellWord(backup.directory)} -o SOURCE,OPTIONS 2>/dev/null | tail -n 1`,
      owner: `stat -c '%a' ${shellWord(backup.directory)} 2>/dev/null; :`,
    }),
    judge: at => {
      const newest = at.out('backups').trim();
      if (newest === '' && at.out('installed') === '')
        return at.skip('no backup has been taken here yet; runs as soon as backup.yml has');
      at.check(newest !== '', 'a backup', `none in ${at.deployment.backup.directory}`);
      const [taken = '0', now = '0', whole, name] = newest.split(' ');
      const manifest = at.out('manifest').trim();
      at.check(manifest === '', 'a backup that fits its manifest', manifest);
      const hours = (Number(now) - Number(taken)) / 3600;
      const most = at.deployment.backup.maxAgeHours;
      at.check(newest === '' || whole === 'whole', 'a whole backup', `${name} is ${whole}`);
      at.check(
        hours <= most,
        `a backup of the last ${most} hours`,
        `${name} is ${Math.round(hours)} hours old`,
      );
      const disks = at.deployment.storage.exports.map(disk => disk.device);
      const [source = '', options = 'rw'] = at.out('place').trim().split(' ');
      at.check(!disks.includes(source), 'a disk of its own', source);
      const kind = at.out('kind');
      at.check(!['tmpfs', 'ramfs'].includes(kind), 'a place on a disk', `it is in memory (${kind})`);
      at.check(options.split(',').includes('rw'), 'a place that can be written', 'read-only');
      const mode = Number.parseInt(at.out('owner') || '700', 8);
      at.check((mode & 0o077) === 0, 'a folder for nobody else', `mode ${mode.toString(8)}`);
    },
  },
  {
    id: 'backup.tried',
    title: 'the newest backup was restored once, and is still what was restored',
    proves:
      'A server was started on a copy of the newest backup, and every row and index of it was read. Its files are what they were then: as many as can be read in 3 s, chosen anew by each run, are compared with the checksums that were noted.',
    expects: 'a backup with tried.sha256, which holds',
    todo: 'A backup that was never tried: run backup.yml without backup_check=false. One that has changed is no backup any more: take a new one, and look at the disk below it (`sha256sum -c tried.sha256` in its folder lists every file).',
    severity: 'warning',
    on: 'backup',
    needs: ['backup.fresh'],
    skip: ({ backup }) =>
      backup.tried ? undefined : 'the inventory has backups taken untried (backup_check)',
    asks: ({ deployment: { backup } }) => ({
      // One that an earlier version of the program, or another one, has taken bears no mark.
      untried: `${newest(backup.directory)}; p=/usr/local/sbin/polar-backup; [ -e "$p" ] && [ -n "$d" ] && [ ! -e "$d/tried.sha256" ] && [ "$d/local" -nt "$p" ] && echo "$d"; :`,
      changed: `${newest(backup.directory)}; [ ! -e "$d/tried.sha256" ] || { cd "$d" && shuf tried.sha256 | timeout 3 stdbuf -oL sha256sum --quiet -c - 2>/dev/null | head -n 3; }`,
    }),
    judge: at => {
      const untried = at.out('untried').trim();
      at.check(untried === '', 'a backup that was tried', `${untried} was not`);
      const changed = at.out('changed').trim();
      at.check(changed === '', 'files as they were tried', changed.replaceAll('\n', ', '));
    },
  },
];
