import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  runModule,
  testContext,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import type { ActionModule } from '../kit/define.ts';
import { npm, parseList } from './npm.ts';

describe('npm', () => {
  it('reads what is installed and what is missing', () => {
    const { found, missing } = parseList(
      '{"dependencies":{"a":{"version":"1.0.0"},"b":{"required":"^2","missing":true}}}',
    );
    expect([...found]).to.deep.equal([['a', '1.0.0']]);
    expect(missing).to.deep.equal(['b']);
    expect(parseList('').found.size).to.equal(0);
  });
  const decide = (raw: Record<string, string | boolean>, list: string, more = '') => {
    const steps = (npm as ActionModule).run(
      finishedArguments(npm, { path: '/a', ...raw }) as never,
      testContext(),
    );
    return replaySteps(steps, [{ stdout: recordsText({ list }) + more }, {}])
      .requests.slice(1)
      .map(r => (r as { script: string }).script.split('\n').at(-1));
  };
  it('does what is needed', () => {
    const has = '{"dependencies":{"pm2":{"version":"5.3.0"}}}';
    expect(decide({ name: 'pm2' }, has)).to.deep.equal([]);
    expect(decide({ name: 'pm2', version: '5.3.1' }, has)).to.deep.equal(['npm install pm2@5.3.1']);
    expect(decide({ name: 'pm2', state: 'absent' }, has)).to.deep.equal(['npm uninstall pm2']);
    expect(
      decide({ name: 'pm2', state: 'latest' }, has, recordsText({ outdated: '{"pm2":{}}' })),
    ).to.deep.equal(['npm install pm2@latest']);
    expect(decide({ ci: true, production: true }, has)).to.deep.equal(['npm ci --omit=dev']);
    expect(decide({}, has)).to.deep.equal([]);
  });
  it('wants a directory, unless it is for the whole host', async () => {
    await withTemporaryDirectory(async () => {
      expect((await runModule(npm, { name: 'x' })).msg).to.equal(
        'path must be specified when not using global',
      );
    });
  });
});
