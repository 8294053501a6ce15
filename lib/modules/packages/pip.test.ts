import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { ActionModule, Result } from '../kit/define.ts';
import { compareReleases, parseRequirement, pip, satisfies } from './pip.ts';

describe('pip', () => {
  const cases: readonly [string, string, boolean | undefined][] = [
    ['six', '1.0', true],
    ['six==1.16.0', '1.16', true],
    ['six==1.15', '1.16', false],
    ['six>=1.10,<2', '1.16.0', true],
    ['six>=2', '1.16', false],
    ['six!=1.16', '1.16', false],
    ['six==1.*', '1.16', true],
    ['six~=1.4', '1.16', undefined],
    ['six==1.0rc1', '1.0', undefined],
    ['six>1.16', '1.16.1', true],
  ];
  for (const [text, version, expected] of cases)
    it(`${text} with ${version}: ${expected}`, () =>
      expect(satisfies(version, parseRequirement(text))).to.equal(expected));

  it('compares names as pip does', () => {
    expect(parseRequirement('Psycopg2_Binary[c]>=2').name).to.equal('psycopg2-binary');
    expect(parseRequirement('git+https://x/y.git').name).to.equal(undefined);
    expect(parseRequirement('six', '1.2')).to.deep.include({ text: 'six==1.2', specifiers: [['==', '1.2']] });
    expect(compareReleases('1.10', '1.9')).to.equal(1);
  });

  const run = (raw: Record<string, string>, replies: string[], checkMode = false) => {
    const steps = (pip as ActionModule).run(finishedArguments(pip, raw) as never, testContext({ checkMode }));
    return replaySteps(
      steps,
      replies.map(stdout => ({ stdout })),
    );
  };

  it('asks once when all is there', () => {
    expect((run({ name: 'six' }, [recordsText({ list: 'six==1.16.0\n' })]).value as Result).changed).to.equal(
      false,
    );
    expect((run({ name: 'six', state: 'absent' }, ['']).value as Result).changed).to.equal(false);
  });
  it('installs, and counts a new environment as a change', () => {
    const { value, requests } = run({ name: 'six', version: '1.17', virtualenv: '/v' }, [
      recordsText({ made: '', list: '' }),
      'Successfully installed six-1.17\n',
    ]);
    expect((value as Result).changed).to.equal(true);
    expect((requests[1] as { script: string }).script).to.match(/run_pip install +six==1\.17$/);
    expect(
      (
        run({ name: 'six', virtualenv: '/v' }, [recordsText({ made: '', list: 'six==1.0\n' })])
          .value as Result
      ).changed,
    ).to.equal(true);
  });
});
