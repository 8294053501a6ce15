import { expect } from 'chai';
import { planAndScript, recordsText } from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import { lvol } from './lvol.ts';
import { parseSize, wantedBytes } from './volume-size.ts';

describe('lvol', () => {
  const MiB = 2 ** 20;
  const group = (volumes = '') =>
    recordsText({ group: `  ${1000 * MiB};${600 * MiB};${4 * MiB}\n`, volumes });
  const volume = (name: string, megabytes: number, attributes = '-wi-a-----') =>
    `  ${name};${megabytes * MiB};${attributes}\n`;
  const script = (raw: Record<string, Json>, stdout: string) =>
    planAndScript(lvol, { vg: 'data', lv: 'db', ...raw }, stdout)
      .script.split('\n')
      .slice(1);

  it('makes volumes of every kind', () => {
    expect(script({ size: 512 }, group())).to.deep.equal(['lvcreate --yes -n db -L 512m  data || exit $?']);
    expect(script({ size: '100%FREE', opts: '-i 2' }, group())).to.deep.equal([
      'lvcreate --yes -n db -l 100%FREE -i 2 data || exit $?',
    ]);
    expect(script({ size: '1g', pvs: '/dev/b,/dev/c' }, group())).to.deep.equal([
      'lvcreate --yes -n db -L 1g  data /dev/b /dev/c || exit $?',
    ]);
    expect(script({ size: '1g', snapshot: 's' }, group(volume('db', 100)))).to.deep.equal([
      'lvcreate --yes -L 1g -s -n s  data/db || exit $?',
    ]);
    expect(script({ size: '1g', thinpool: 'p' }, group(volume('p', 100, 'twi-a-t---')))).to.deep.equal([
      'lvcreate --yes -n db -V 1g  -T data/p || exit $?',
    ]);
  });
  it('resizes', () => {
    expect(script({ size: '200m' }, group(volume('db', 200)))).to.deep.equal([]);
    expect(script({ size: '201m', resizefs: true }, group(volume('db', 200)))).to.deep.equal([
      'lvextend --resizefs -L 201m data/db || exit $?',
    ]);
    expect(script({ size: '201m' }, group(volume('db', 204)))).to.deep.equal([]);
    expect(script({ size: '100m', shrink: false }, group(volume('db', 200)))).to.deep.equal([]);
    expect(script({ size: '100m', force: true }, group(volume('db', 200)))).to.deep.equal([
      'lvreduce --force -L 100m data/db || exit $?',
    ]);
    expect(script({ size: '+100%FREE' }, group(volume('db', 200)))).to.deep.equal([
      'lvextend -l +100%FREE data/db || exit $?',
    ]);
    expect(script({ size: '100%VG' }, group(volume('db', 1000)))).to.deep.equal([]);
  });
  it('activates', () => {
    expect(script({ active: false }, group(volume('db', 8)))).to.deep.equal([
      'lvchange -an data/db || exit $?',
    ]);
    expect(script({}, group(volume('db', 8, '-wi-------')))).to.deep.equal([
      'lvchange -ay data/db || exit $?',
    ]);
  });
  it('refuses what would lose data, and nonsense', () => {
    const refused: readonly [Record<string, Json>, string, string][] = [
      [
        { state: 'absent' },
        group(volume('db', 8)),
        'Sorry, no removal of logical volume db without force=true.',
      ],
      [{ size: '4m' }, group(volume('db', 8)), 'Sorry, no shrinking of db without force=true.'],
      [{}, group(), 'No size given.'],
      [{ size: '1x' }, group(), "Bad size specification of '1x'"],
      [{ size: '101%VG' }, group(), 'Size percentage cannot be larger than 100%'],
      [{ size: '1g' }, '', 'Volume group data does not exist.'],
      [{ size: '90%VG' }, group(volume('db', 8)), 'Not enough free space left'],
    ];
    for (const [raw, stdout, message] of refused)
      expect(() => script(raw, stdout), message).to.throw(message);
    expect(script({ state: 'absent' }, '')).to.deep.equal([]);
  });
  it('reckons in whole extents', () => {
    const space = { size: 1000, free: 500, extent: 4 };
    expect(wantedBytes(parseSize('10b'), space, 0)).to.equal(12);
    expect(wantedBytes(parseSize('33%VG'), space, 0)).to.equal(328);
    expect(wantedBytes(parseSize('-10%FREE'), space, 100)).to.equal(48);
    expect(parseSize('2s').bytes).to.equal(1024);
    expect(parseSize('1G').bytes).to.equal(2 ** 30);
  });
});
