import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Reply } from '../../modules/kit/define.ts';
import { polardbSql } from './polardb_sql.ts';

function ask(raw: Record<string, string | boolean>, reply: Partial<Reply>, checkMode = false) {
  if (polardbSql.kind !== 'action') throw new Error('it acts');
  const args = finishedArguments(polardbSql, { bin: '/opt/polardb/bin', query: 'select 1', ...raw }) as never;
  const steps = checkMode ? polardbSql.check?.(args, testContext()) : polardbSql.run(args, testContext());
  return replaySteps(steps!, [reply]);
}

describe('polardb_sql', () => {
  it('gives the rows, and how long it waited for them', () => {
    expect(ask({ until: 'a|b' }, { stdout: recordsText({ seconds: '3', rows: 'a|b' }) }).value).to.deep.equal(
      {
        changed: false,
        rows: ['a|b'],
        value: 'a|b',
        seconds: 3,
      },
    );
    expect(ask({ changes: true }, { stdout: recordsText({ rows: '' }) }).value).to.include({
      changed: true,
      value: '',
    });
  });

  it('asks in check mode too, unless it changes something or waits', () => {
    expect(ask({}, { stdout: recordsText({ rows: '1\n' }) }, true).value).to.include({ value: '1' });
    expect(ask({ changes: true }, {}, true)).to.deep.equal({ value: undefined, requests: [] });
    expect(ask({ until: '1' }, {}, true)).to.deep.equal({ value: undefined, requests: [] });
  });

  it('says what it waited for in vain, and keeps a query a word of the shell', () => {
    expect(() => ask({ until: 't' }, { rc: 1, stderr: 'last answer: f' })).to.throw(
      'no "t" within 60 s: last answer: f',
    );
    const [request] = ask({ query: "select '$(id)'" }, { stdout: recordsText({ rows: '1\n' }) }).requests;
    expect(request).to.have.property('script').that.includes(`'select '\\''$(id)'\\'''`);
  });
});
