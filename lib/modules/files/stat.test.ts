import { expect } from 'chai';
import { itAgreesWithAnsible, type OracleCase } from '../../../test/support/ansible-module.ts';
import { runModule } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { epoch, stat } from './stat.ts';

const look = (name: string, setup: string, args: Record<string, Json> = {}): OracleCase => ({
  name,
  setup: `${setup}\n[ ! -e f -a ! -h f ] || touch -ch -d "2024-05-06 07:08:09.123456" f`,
  args: { path: '{dir}/f', get_mime: false, get_attributes: false, ...args },
});

const CASES: readonly OracleCase[] = [
  look('a file', 'echo text >f; chmod 4751 f'),
  look('an empty file', ': >f'),
  look('a directory', 'mkdir -m 1777 f; chmod g+s f'),
  look('nothing', ':'),
  look('nothing in no directory', ':', { path: '{dir}/a/f' }),
  look('a link', 'echo x >g; ln -s g f'),
  look('a link followed', 'echo x >g; ln -s g f; touch -d 2024-01-01 g', { follow: true }),
  look('a dangling link', 'ln -s g f'),
  look('a dangling link followed', 'ln -s g f', { follow: true }),
  look('a fifo', 'mkfifo f'),
  look('a device', 'mknod f c 250 3000'),
  look('other owners', 'echo x >f; chown daemon:4711 f; chmod 600 f'),
  look('no checksum', 'echo x >f', { get_checksum: false }),
  look('sha256', 'echo x >f', { checksum_algorithm: 'sha256' }),
  look('md5', 'echo x >f', { checksum: 'md5' }),
  look('mime type', 'echo text >f', { get_mime: true }),
];

/** Differs between two equal directories, or between two looks. */
const VARYING = ['inode', 'ctime', 'atime', 'path'];

describe('stat', () => {
  itAgreesWithAnsible(
    stat,
    {
      via: 'module',
      fields: ['stat'],
      without: VARYING,
    },
    CASES,
  );

  it('gives times with their fractions', () => {
    expect(epoch('2024-05-06 07:08:09.500000000 +0200')).to.equal(1714972089.5);
    expect(epoch('1970-01-01 00:00:01 -0130')).to.equal(5401);
  });

  for (const shell of ['bash', 'busybox'] as const) {
    it(`reads the times of a file under ${shell}`, async () => {
      const { stat: found } = (await runModule(stat, { path: '/etc/passwd' }, { shell })) as unknown as {
        stat: Json;
      };
      expect(found).to.include({ exists: true, isreg: true, pw_name: 'root', mode: '0644', readable: true });
      expect((found as { mtime: number }).mtime).to.be.greaterThan(1e9);
    });
  }

  it('runs in check mode', async () => {
    expect(await runModule(stat, { path: '/none' }, { checkMode: true })).to.deep.equal({
      changed: false,
      stat: { exists: false },
    });
  });
});
