import { shellWord } from '../../lib/transport/index.ts';
import type { Check } from '../check.ts';

/** Whether there is something to go back to. */
export const backupChecks: readonly Check[] = [
  {
    id: 'backup.fresh',
    title: 'a whole backup is there, not older than the policy',
    proves:
      'The newest finished backup is younger than backup_max_age_hours, holds a data directory with its label or manifest, and lies on no shared disk.',
    expects: 'a backup younger than backup_max_age_hours',
    todo: 'Run backup.yml, which takes one and tries to restore it; let cron or a timer do so as often as your policy says.',
    severity: 'warning',
    on: 'backup',
    asks: ({ deployment: { backup } }) => ({
      installed: '[ -e /etc/polar/backup.env ] && echo yes; :',
      backups: `for d in ${shellWord(backup.directory)}/[0-9]*; do case $d in *.partial | *.check | *'*') continue ;; esac; echo "$(stat -c %Y "$d") $(date +%s) $([ -s "$d/local/PG_VERSION" ] && { [ -s "$d/local/backup_label" ] || [ -s "$d/local/backup_manifest" ]; } && echo whole || echo incomplete) \${d##*/}"; done | sort -n | tail -n 1`,
      // Quick: whether every file that the manifest names is there, with its size. Not by pg_verifybackup: PolarDB's manifest
      // names a file of the node and one of the shared data alike: the path stands there twice.
      manifest: `d=$(ls -d ${shellWord(backup.directory)}/[0-9]* 2>/dev/null | grep -v '\\.' | sort | tail -n 1); [ ! -e "$d/local/backup_manifest" ] || { cd "$d" && { find local shared -type f -printf '%s %P\\n' 2>/dev/null; echo ==; sed -n 's/.*"Path": "\\([^"]*\\)", "Size": \\([0-9]*\\).*/\\2 \\1/p' local/backup_manifest; } | awk '$0 == "==" { named = 1; next } !named { there[$0]++; next } --there[$0] < 0 { sub(/^[0-9]+ /, ""); print "not there, or of another size: " $0 }' | head -n 3; }`,
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
      at.check(options.split(',').includes('rw'), 'a place that can be written', 'read-only');
      const mode = Number.parseInt(at.out('owner') || '700', 8);
      at.check((mode & 0o077) === 0, 'a folder for nobody else', `mode ${mode.toString(8)}`);
    },
  },
];
