import { expect } from 'chai';
import { CASES, caseOf } from '../../test/support/verify/check-cases.ts';
import { greenDeployment, judgeGreen } from '../../test/support/verify/green.ts';
import { CHECKS } from './index.ts';

const checkOf = (id: string) => {
  const check = CHECKS.find(one => one.id === id);
  if (!check || 'act' in check) throw new Error(`${id} is not a check that judges`);
  return check;
};

describe('verify: what a green lab answered', () => {
  for (const check of CHECKS) {
    if ('act' in check) continue;
    it(`is green: ${check.id}`, () => {
      if (check.skip?.(greenDeployment()) !== undefined) return;
      const { faults, waiting } = judgeGreen(check);
      expect(faults.map(f => `${f.host}: ${f.found}, expected ${f.expected}`)).to.deep.equal([]);
      expect(waiting).to.deep.equal([]);
    });
  }
});

describe('verify: one answer is another', () => {
  for (const one of CASES) {
    const [id, , says] = one;
    it(`${id} says ${says}`, () => {
      const { faults } = judgeGreen(checkOf(id), caseOf(one));
      const said = faults.map(fault => `${fault.host}: ${fault.found}`);
      expect(
        said.filter(text => says.test(text)),
        said.join('\n'),
      ).not.to.deep.equal([]);
    });
  }
});

describe('verify: what is not a fault', () => {
  it('PolarDB 15 comes with ignore_invalid_pages on; one who switches it on is told', () => {
    const judged = (source: string) =>
      judgeGreen(checkOf('settings.durable'), {
        answers: {
          'ro1 settings': old =>
            JSON.stringify(
              (JSON.parse(old) as { name: string }[]).map(row =>
                row.name === 'ignore_invalid_pages' ? { ...row, reset: 'on', source } : row,
              ),
            ),
        },
      }).faults.map(fault => fault.host);
    expect(judged('default')).to.deep.equal([]);
    expect(judged('configuration file')).to.deep.equal(['ro1']);
  });

  it('lines of tmpfiles.d that remove nothing of the database', () => {
    const said = (line: string) =>
      judgeGreen(checkOf('boot.cleanup'), { answers: { 'ro1 lines': () => line } }).faults.length;
    for (const line of [
      'd /run/pfs 0755 root root -',
      'D /tmp 1777 root root -',
      'd /home - - - -',
      'x /home/polardb/data',
      'R /home/polardb2/data',
    ])
      expect(said(line), line).to.equal(0);
    for (const line of [
      'R! /home/polardb/data/*',
      'D /home',
      'r /home/polardb/data/pg_wal',
      'e /home/*/ - - - 30d',
    ])
      expect(said(line), line).to.equal(1);
  });

  it('rules in the order of the inventory, whoever is the primary now', () => {
    const { faults } = judgeGreen(checkOf('security.hba'), {
      deployment: ({ primary, replicas: [first, ...others], ...green }) => ({
        ...green,
        primary: { ...first!, role: 'primary' },
        replicas: [...others, { ...primary, role: 'replica' }],
      }),
    });
    expect(faults).to.deep.equal([]);
  });

  it('the suite’s own session, which can only read', () => {
    const { faults } = judgeGreen(checkOf('settings.durable'), {
      answers: {
        'ro1 settings': old =>
          JSON.stringify(
            (JSON.parse(old) as { name: string }[]).map(row =>
              row.name === 'default_transaction_read_only' ? { ...row, reset: 'on', source: 'client' } : row,
            ),
          ),
      },
    });
    expect(faults).to.deep.equal([]);
  });
});
