import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { until } from '../../../test/support/until.ts';
import { ConnectionError, type RunReply, type RunRequest } from '../connection.ts';
import { spawnChannel } from '../local.ts';
import { Worker } from './worker.ts';

const SHELLS = [
  { name: 'dash', command: '/bin/dash', file: '/bin/dash' },
  { name: 'bash', command: '/bin/bash --posix', file: '/bin/bash' },
  { name: 'busybox ash', command: '/bin/busybox ash', file: '/bin/busybox' },
];

/** Processes whose command line holds `text`. */
function running(text: string): string[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter(line => line.includes(text));
}

const said = (reply: RunReply): [number, string, string] => [
  reply.rc,
  reply.stdout.toString('latin1'),
  reply.stderr.toString('latin1'),
];

/** A number of seconds that no other process sleeps. */
const uniqueSleep = (): string => `${3000 + Math.floor(Math.random() * 1e6) / 1e3}`;

for (const shell of SHELLS) {
  describe(`worker on ${shell.name}`, () => {
    let worker: Worker;
    let directory: string;
    const run = (script: string, more: Partial<RunRequest> = {}): Promise<RunReply> =>
      worker.run({ script, ...more });

    before(function () {
      if (!existsSync(shell.file)) {
        console.log(`worker on ${shell.name} is skipped: ${shell.file} is not installed`);
        this.skip();
      }
      directory = mkdtempSync(join(tmpdir(), 'polarplay-worker-'));
    });
    beforeEach(() => {
      worker = new Worker({
        host: 'here',
        open: command => spawnChannel('here', command),
        become: undefined,
        timeoutMs: 15_000,
        shell: shell.command,
      });
    });
    afterEach(() => worker.close());
    after(() => {
      if (directory) rmSync(directory, { recursive: true, force: true });
    });

    it('keeps stdout, stderr and the exit code apart', async () => {
      expect(said(await run('echo out; echo err >&2; exit 3'))).to.deep.equal([3, 'out\n', 'err\n']);
      expect(said(await run('printf "no newline"; printf "none here" >&2'))).to.deep.equal([
        0,
        'no newline',
        'none here',
      ]);
    });

    const awkward: readonly [script: string, rc: number, stdout: string][] = [
      ['', 0, ''],
      ['-x', 127, ''],
      ['# only a comment', 0, ''],
      ['set -e; false; echo unreached', 1, ''],
      ['set -eu\necho "$undefined_name"\necho unreached', shell.name === 'bash' ? 1 : 2, ''],
      ['exec echo replaced', 0, 'replaced\n'],
      ['exec >/dev/null 2>&1; echo gone', 0, ''],
      ['exec <&- >&- 2>&-', 0, ''],
      ['trap "echo bye" EXIT; exit 4', 4, 'bye\n'],
      ['cd /; umask 077; x=1; alias ls=false', 0, ''],
      ['cat', 0, ''],
      ['read -r line || echo "no input"', 0, 'no input\n'],
      ['kill -9 $(exec sh -c "echo \\$PPID")', 137, ''],
      ['sh -c "kill -TERM \\$\\$"', 143, ''],
      ['echo \'single\' "double" `echo back` \\\\', 0, 'single double back \\\n'],
      ['cat <<EOF\nhere $((1+1))\nEOF', 0, 'here 2\n'],
      ['cat <<EOF\nno end\n', 0, 'no end\n'],
      ['f() { return 5; }; f', 5, ''],
      ['echo "$#" "$*"', 0, '0 \n'],
    ];
    for (const [script, rc, stdout] of awkward) {
      it(`is not thrown off by ${JSON.stringify(script)}`, async () => {
        const [reply, next] = await Promise.all([run(script), run('echo next; pwd; echo "${x-unset}"')]);
        expect([reply.rc, reply.stdout.toString()]).to.deep.equal([rc, stdout]);
        expect(next.stdout.toString()).to.equal(`next\n${process.cwd()}\nunset\n`);
      });
    }

    for (const script of [
      'echo "',
      "echo 'a",
      'fi',
      'if true; then',
      'echo $(',
      '( echo',
      '}',
      'case x in',
    ]) {
      it(`reports the syntax error in ${JSON.stringify(script)}`, async () => {
        const [reply, next] = await Promise.all([run(script), run('echo next')]);
        expect(reply.rc).to.be.within(1, 2);
        expect(reply.stderr.toString()).to.not.equal('');
        expect(said(next)).to.deep.equal([0, 'next\n', '']);
      });
    }

    it('does not show its marker to a script', async () => {
      const reply = await run('set; env; ps -o args= -p $$; cat /proc/$$/cmdline');
      expect(reply.rc).to.equal(0);
      expect(reply.stdout.toString()).to.not.match(/pp-[0-9a-f]{24}/);
    });

    it('goes on after a script that killed the shell itself', async () => {
      const replies = await Promise.all([
        run('kill -9 $$; sleep 1'),
        run('echo one'),
        run('kill 0'),
        run('echo two'),
      ]);
      expect(replies.map(said)).to.deep.equal([
        [137, '', ''],
        [0, 'one\n', ''],
        [143, '', ''],
        [0, 'two\n', ''],
      ]);
    });

    it('refuses a script with a NUL byte', async () => {
      expect(await run('echo a\0b').catch(error => error.message)).to.equal(
        'a script cannot hold a NUL byte',
      );
      expect((await run('echo fine')).rc).to.equal(0);
    });

    it('passes any bytes from stdin to stdout and stderr', () =>
      fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
          const stdin = Buffer.from(bytes);
          const reply = await run('cat', { stdin });
          expect(reply.stdout.equals(stdin)).to.equal(true);
          const other = await run('cat >&2', { stdin });
          expect(other.stderr.equals(stdin)).to.equal(true);
        }),
        { numRuns: 60 },
      ));

    it('passes texts that end in a newline, which travel as a here-document', () => {
      const bytes = fc.integer({ min: 1, max: 255 });
      // What begins like the mark at a document's end, and goes on otherwise.
      const nearMark = fc.constantFrom(...Buffer.from('p-\x80\xff\n', 'latin1'));
      return fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(bytes, nearMark), { maxLength: 300 }), async text => {
          const stdin = Buffer.from([...text, 10]);
          expect((await run('cat', { stdin })).stdout.equals(stdin)).to.equal(true);
        }),
        { numRuns: 60, examples: [[[...Buffer.from('pâté\npp-é')]]] },
      );
    });

    it('passes any text inside a script and in the environment', () => {
      const text = fc.string({ unit: 'binary', maxLength: 60 }).map(t => t.replaceAll('\0', ''));
      return fc.assert(
        fc.asyncProperty(text, async value => {
          const word = `'${value.replaceAll("'", `'\\''`)}'`;
          const reply = await run(`printf %s ${word}; printf %s "$V" >&2`, { env: { V: value } });
          expect(said(reply)).to.deep.equal([
            0,
            Buffer.from(value).toString('latin1'),
            Buffer.from(value).toString('latin1'),
          ]);
        }),
        { numRuns: 100 },
      );
    });

    it('refuses names that a shell cannot export', async () => {
      const message = await run('true', { env: { 'with-dash': 'x' } }).catch(error => error.message);
      expect(message).to.equal('"with-dash" is not a name that a shell can export');
      expect((await run('echo "${PLAIN-}"', { env: { PLAIN: "it's" } })).stdout.toString()).to.equal(
        "it's\n",
      );
      expect((await run('echo "${PLAIN-gone}"')).stdout.toString()).to.equal('gone\n');
    });

    it('answers 200 requests that are asked at once, in order', async () => {
      const order: number[] = [];
      const replies = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const reply = await run(`echo ${i}; exit ${i % 7}`);
          order.push(i);
          return reply;
        }),
      );
      expect(replies.map(said)).to.deep.equal(replies.map((_, i) => [i % 7, `${i}\n`, '']));
      expect(order).to.deep.equal(order.toSorted((a, b) => a - b));
    });

    it('carries a script of 1 MB, 1 MB of input and 50 MB of output', async () => {
      const text = 'x'.repeat(1_000_000);
      const reply = await run(`printf %s ${text} | wc -c; wc -c`, { stdin: Buffer.alloc(1_000_000, 'y') });
      expect(reply.stdout.toString().trim().split(/\s+/)).to.deep.equal(['1000000', '1000000']);
      const big = await run('head -c 50000000 /dev/zero; echo end', { maxOutput: 2 ** 26 });
      expect([big.stdout.length, big.stdout.subarray(-4).toString()]).to.deep.equal([50_000_004, 'end\n']);
    });

    it('keeps no more of the output than was asked for, and says how much there was', async () => {
      const reply = await run('head -c 300000 /dev/zero; echo end >&2; exit 3', { maxOutput: 100_000 });
      expect([reply.rc, reply.stdout.length, reply.stderr.toString()]).to.deep.equal([3, 100_000, 'end\n']);
      expect(reply.dropped).to.deep.equal({ stdout: 200_000, stderr: 0 });
      expect((await run('head -c 40000000 /dev/zero')).stdout.length).to.equal(2 ** 25);
    });

    it('hands over output while the script runs', async () => {
      const chunks: string[] = [];
      const order: string[] = [];
      const go = join(directory, 'go');
      const done = run(`echo first; until [ -e ${go} ]; do sleep 0.05; done; echo second >&2`, {
        onOutput: (stream, chunk) => {
          chunks.push(`${stream} ${chunk.toString()}`);
          order.push('output');
        },
      }).then(() => order.push('reply'));
      await until(() => chunks.length > 0);
      expect(chunks).to.deep.equal(['stdout first\n']);
      writeFileSync(go, '');
      await done;
      expect(chunks).to.deep.equal(['stdout first\n', 'stderr second\n']);
      expect(order).to.deep.equal(['output', 'output', 'reply']);
    });

    it('keeps what a background process says late out of later replies', async () => {
      const [ask, heard] = [join(directory, 'ask'), join(directory, 'said')];
      const late = `until [ -e ${ask} ]; do sleep 0.05; done; echo late; echo later >&2; : >${heard}`;
      expect((await run(`(${late}) & echo now`)).stdout.toString()).to.equal('now\n');
      writeFileSync(ask, '');
      // Nothing is read meanwhile: the next request is asked before what was said late is here.
      execFileSync('sh', ['-c', `until [ -e ${heard} ]; do sleep 0.05; done`], { timeout: 15_000 });
      expect(said(await run('echo clean'))).to.deep.equal([0, 'clean\n', '']);
    });

    it('kills what runs too long, and all it started, and nothing else', async () => {
      const [daemon, orphan, child, main] = [uniqueSleep(), uniqueSleep(), uniqueSleep(), uniqueSleep()];
      await run(`sleep ${daemon} >/dev/null 2>&1 &`);
      const started = Date.now();
      const slow = run(`echo begun; (sleep ${orphan} &); sleep ${child} & sleep ${main}`, {
        timeoutMs: 1500,
      });
      const [reply, next] = await Promise.all([slow, run('echo next')]);
      expect([reply.timedOut, reply.aborted, reply.stdout.toString()]).to.deep.equal([
        true,
        false,
        'begun\n',
      ]);
      expect(reply.rc).to.equal(143);
      expect(Date.now() - started).to.be.within(1500, 15_000);
      expect(said(next)).to.deep.equal([0, 'next\n', '']);
      expect([orphan, child, main].flatMap(running)).to.deep.equal([]);
      expect(running(daemon)).to.have.length(1);
      process.kill(Number(running(daemon)[0]?.trim().split(' ')[0]));
    });

    it('kills what ignores SIGTERM', async () => {
      const seconds = uniqueSleep();
      const reply = await run(`trap '' TERM; sleep ${seconds}`, { timeoutMs: 1500 });
      expect([reply.rc, reply.timedOut]).to.deep.equal([137, true]);
      expect(running(seconds)).to.deep.equal([]);
    });

    it('lets a script that it stops come to the end that the script set', async () => {
      const left = join(directory, 'left');
      const script = `trap 'rm -f ${left}' 0; : >${left}; echo made; (sleep 60)`;
      const reply = await run(script, { timeoutMs: 1500 });
      expect([reply.timedOut, reply.stdout.toString(), existsSync(left)]).to.deep.equal([
        true,
        'made\n',
        false,
      ]);
    });

    it('answers when all that it started is gone, not when the script is', async () => {
      const seconds = uniqueSleep();
      const stubborn = `sh -c "trap '' TERM; sleep ${seconds}; :"`;
      const reply = await run(`${stubborn} & sleep 60`, { timeoutMs: 1500 });
      expect([reply.rc, reply.timedOut]).to.deep.equal([143, true]);
      expect(running(seconds)).to.deep.equal([]);
    });

    it('counts the time from the beginning of the request, not from its place in the queue', async () => {
      const [first, second] = await Promise.all([
        run('sleep 3'),
        run('sleep 0.1; echo ok', { timeoutMs: 2500 }),
      ]);
      expect([first.rc, second.timedOut, second.stdout.toString()]).to.deep.equal([0, false, 'ok\n']);
    });

    it('aborts a batch without beginning what had not begun', async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const touched = (name: string): string => join(directory, name);
      const batch = ['a', 'b', 'c'].map(name =>
        run(`echo ${name}; sleep 60; touch ${touched(name)}`, { signal, onOutput: () => controller.abort() }),
      );
      const other = run('echo other');
      const replies = await Promise.all(batch);
      expect(replies.map(reply => [reply.aborted, reply.stdout.toString()])).to.deep.equal([
        [true, 'a\n'],
        [true, ''],
        [true, ''],
      ]);
      expect(said(await other)).to.deep.equal([0, 'other\n', '']);
      expect(['a', 'b', 'c'].some(name => existsSync(touched(name)))).to.equal(false);
      expect((await run('echo x', { signal })).aborted).to.equal(true);
    });

    it('aborts the second of two requests only', async () => {
      const controller = new AbortController();
      const first = run('sleep 0.5; echo done');
      const second = run('sleep 60; echo never', { signal: controller.signal });
      setTimeout(() => controller.abort(), 100);
      expect(said(await first)).to.deep.equal([0, 'done\n', '']);
      const reply = await second;
      expect([reply.aborted, reply.stdout.toString()]).to.deep.equal([true, '']);
      expect((await run('echo on')).stdout.toString()).to.equal('on\n');
    });

    it('ends what still runs when it is closed', async () => {
      const seconds = uniqueSleep();
      const pending = run(`sleep ${seconds}`).catch(error => error);
      await until(() => running(seconds).length > 0);
      await worker.close();
      expect(await pending).to.be.instanceOf(ConnectionError);
      await until(() => running(seconds).length === 0);
    });
  });
}
