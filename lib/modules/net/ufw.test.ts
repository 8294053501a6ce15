import { expect } from 'chai';
import {
  finishedArguments,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import type { Json } from '../../source/value.ts';
import type { ActionModule, Result } from '../kit/define.ts';
import { ufw } from './ufw.ts';

describe('ufw', () => {
  const replay = (raw: Record<string, Json>, stdout: string, checkMode = false) => {
    const steps = (ufw as ActionModule).run(finishedArguments(ufw, raw) as never, testContext({ checkMode }));
    const [status = '', settings = '', dry0 = ''] = stdout.split('|');
    return replaySteps(steps, [
      { stdout: recordsText({ status, settings, dry0 }) },
      { stdout: recordsText({ status: 'Status: active\n' }) },
    ]).value as Result;
  };
  it('builds commands', () => {
    const rule = {
      rule: 'allow',
      port: '5432',
      proto: 'tcp',
      src: '10.0.0.0/8',
      direction: 'in',
      interface: 'eth0',
      comment: 'a b',
    };
    expect(replay(rule, 'a|b').commands).to.deep.equal([
      `ufw allow in on eth0 from 10.0.0.0/8 to any port 5432 proto tcp comment 'a b'`,
    ]);
    expect(replay({ state: 'enabled', policy: 'deny', direction: 'in' }, 'a|a').commands).to.deep.equal([
      'ufw --force enable',
      'ufw default deny incoming',
    ]);
  });
  it('predicts from a dry run', () => {
    const rules = (...tuples: string[]) => tuples.map(tuple => `### tuple ### ${tuple}\n`).join('');
    const ssh = rules('allow any 22 0.0.0.0/0 any 0.0.0.0/0 in');
    const status = `Status: active\n|ENABLED=yes\nLOGLEVEL=low\nDEFAULT_INPUT_POLICY="DROP"\nuser:\n${ssh}user6:\n`;
    const predict = (raw: Record<string, Json>, said = '') => replay(raw, `${status}|${said}`, true).changed;
    const rule = { rule: 'allow', port: '1' };
    expect(replay(rule, `${status}|Skipping`)).to.deep.include({
      changed: false,
      msg: 'Status: active',
    });
    expect(predict(rule, 'Skipping adding existing rule\n')).to.equal(false);
    expect(predict(rule, `*filter\n:ufw-user-input\n${ssh}COMMIT\n`)).to.equal(false);
    expect(predict(rule, `*filter\n:ufw-user-input\n${ssh}${rules('allow any 1')}COMMIT\n`)).to.equal(true);
    expect(predict(rule, `*filter\n:ufw6-user-input\n${ssh}COMMIT\n`)).to.equal(true);
    expect(predict({ state: 'enabled' })).to.equal(false);
    expect(predict({ default: 'deny', direction: 'incoming' })).to.equal(false);
    expect(predict({ default: 'allow', direction: 'incoming' })).to.equal(true);
    expect(predict({ logging: 'low' })).to.equal(false);
  });
});
