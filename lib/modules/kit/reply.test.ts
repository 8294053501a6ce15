import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runSteps, type TestOptions } from '../../../test/support/run-module.ts';
import { ask, hasMark, mustAsk, type Records } from './reply.ts';

const told = (script: string, options: TestOptions = {}): Promise<Records> => runSteps(ask(script), options);

for (const shell of ['dash', 'bash', 'busybox'] as const) {
  describe(`records of a script, with ${shell}`, () => {
    it('are exactly what was written', async () => {
      const records = await told(
        `echo noise; field a 'x y'; field empty; begin bytes; printf 'a\\000\\377\\n\\n'; field a second; part p; field a inside`,
        { shell },
      );
      expect(records.text('a')).to.equal('x y');
      expect(records.all('a').map(String)).to.deep.equal(['x y', 'second']);
      expect(records.bytes('empty')).to.deep.equal(Buffer.alloc(0));
      expect(records.bytes('bytes')).to.deep.equal(Buffer.from('6100ff0a0a', 'hex'));
      expect(records.text('bytes')).to.equal('a\0\udcff\n\n');
      expect([records.has('none'), records.text('none')]).to.deep.equal([false, undefined]);
      expect(records.part('p').text('a')).to.equal('inside');
    });

    it('cannot be written by what a program prints, or by one that looks for the mark', async () => {
      const records = await told(
        `begin content; printf 'r-0123456789abcdef-path\\n/etc/shadow\\036path x\\n== path ==\\n'; env; tr '\\000' '\\n' </proc/$$/environ; sh -c 'echo "$_m$_g"; field x 2>&1'`,
        { shell, env: { _m: 'r-', _g: 'x' } },
      );
      expect(records.names()).to.deep.equal(['content']);
      expect(records.bytes('content')?.length).to.be.greaterThan(40);
    });

    it('come with what `fail` said, apart from stderr', async () => {
      const { rc, stderr, complaint } = await told(`echo before >&2; fail "no  way: $0x"`, { shell });
      expect([rc, stderr]).to.deep.equal([99, 'before\n']);
      expect(complaint).to.match(/^no {2}way: /);
      const error = await runSteps(mustAsk('cannot do it', 'fail because'), { shell }).catch(e => e);
      expect(error.message).to.equal('cannot do it: because');
    });
  });
}

it('a line that begins a record is not shown', () => {
  expect([hasMark('r-0123456789abcdef-name'), hasMark('valuer-1'), hasMark('plain')]).to.deep.equal([
    true,
    false,
    false,
  ]);
});

it('no module writes a record beside those of statScript that has the name of one of them', () => {
  const root = join(import.meta.dirname, '..');
  const wrong = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !/\.test\.ts$|kit.(stat|write-file|reply|reach)\.ts$/.test(name))
    .flatMap(name => {
      const text = readFileSync(join(root, name), 'utf8');
      if (!/readText|textFileOf|defineGenerated|statScript/.test(text)) return [];
      const taken =
        /\b(?:field|begin) (path|umask|link|real|parent|readable|own|uid|gid|flags|context|sha1)\b(?!-)/;
      return taken.test(text) ? [`${name}: ${taken.exec(text)![0]}`] : [];
    });
  expect(wrong).to.deep.equal([]);
});
