import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { askScript, parseAnswers, parseQueryAnswers, queryScript } from './ask.ts';

describe('verify: many questions in one script', () => {
  const ask = (...commands: string[]) =>
    parseAnswers(execFileSync('sh', ['-c', askScript(commands)])).map(({ rc, output }) => [rc, output]);

  it('keeps exit codes, both streams, quotes and many bytes apart', () => {
    expect(ask('echo a; echo b >&2; exit 3', "printf 'it''s\\n\\n'", 'printf ü', 'exec true')).to.deep.equal([
      [3, 'a\nb'],
      [0, 'its'],
      [0, 'ü'],
      [0, ''],
    ]);
  });

  it('is not deceived by output that looks like an answer', () => {
    expect(ask("printf '0 2\\nok\\n0 4\\nfake\\n'", 'echo real')).to.deep.equal([
      [0, '0 2\nok\n0 4\nfake'],
      [0, 'real'],
    ]);
  });

  it('ends where the output was cut off', () => {
    const whole = execFileSync('sh', ['-c', askScript(['echo one', 'echo two'])]);
    expect(parseAnswers(whole.subarray(0, whole.length - 2)).map(a => a.output)).to.deep.equal(['one']);
    expect(parseAnswers(Buffer.from('sh: not found\n'))).to.deep.equal([]);
  });

  it('tells rows from errors, and both from what was not come to', () => {
    const { mark } = queryScript(['SELECT 1', 'SELECT 2', 'SELECT 3'], 1000);
    const said = `${mark} 0\n[{"a": 1}]\n${mark} 1\n${mark} error 42P01 relation "x" does not exist\n${mark} 2\n`;
    const answers = parseQueryAnswers(said, mark);
    expect(answers.get(0)).to.deep.equal({ rows: [{ a: 1 }] });
    expect(answers.get(1)).to.deep.equal({ error: '42P01 relation "x" does not exist' });
    expect(answers.has(2)).to.equal(false);
  });
});
