import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseResults } from '../../lib/modules/databases/mysql/client.ts';
import { readGrants } from '../../lib/modules/databases/mysql/privileges.ts';
import { typedValue } from '../../lib/modules/databases/postgres/values.ts';
import { parseDisplay } from '../../lib/modules/system/alternatives.ts';
import { cronLines } from '../../lib/modules/system/crontab.ts';
import { assignments } from '../../lib/modules/system/facts/collector.ts';
import { parseIni } from '../../lib/modules/system/facts/local.ts';
import { iniPair } from '../../lib/source/ini-text.ts';
import { withoutSlashes } from '../../lib/source/strip-end.ts';
import { folderOf, runIn, runWith } from '../support/program.ts';

const RUN = ['site.yml', '-i', 'hosts', '--format', 'json'];
const play = (task: string) => ({
  hosts: 'h1 ansible_connection=local\n',
  'site.yml': `- hosts: all\n  gather_facts: false\n  tasks:\n    - name: much / output\n${task}`,
});
const resultOf = (stdout: string) => JSON.parse(stdout).plays[0].tasks[0].hosts.h1;

describe('a host that says much', () => {
  it('costs as much memory as the limit allows; what is missing is marked', async () => {
    const files = play(`      shell: head -c 3000000 /dev/zero | tr '\\0' x; echo all >&2\n`);
    const { code, stdout } = await runWith(files, [...RUN, '--output-limit', '1M']);
    const { stdout: kept, stdout_truncated: cut, stderr, warnings, rc } = resultOf(stdout);
    expect([code, rc, kept.length, cut, stderr]).to.deep.equal([0, 0, 2 ** 20, true, 'all']);
    expect(warnings).to.deep.equal([
      'stdout is longer than the limit: 1951424 more bytes are not in the result (--output-limit, --output-dir)',
    ]);
  });

  it('is written to a file in full, as it comes, where that is asked for', async () => {
    const dir = folderOf(play(`      shell: head -c 3000000 /dev/zero; echo all >&2\n`));
    try {
      const { code } = await runIn(dir, [...RUN, '--output-limit', '1K', '--output-dir', 'out']);
      expect(code).to.equal(0);
      const [run = ''] = readdirSync(join(dir, 'out'));
      const folder = join(dir, 'out', run, 'h1');
      expect(readdirSync(folder)).to.deep.equal(['much_output.stderr', 'much_output.stdout']);
      expect(statSync(join(folder, 'much_output.stdout')).size).to.equal(3_000_000);
      expect(statSync(join(folder, 'much_output.stdout')).mode & 0o777).to.equal(0o600);
      expect(readFileSync(join(folder, 'much_output.stderr'), 'utf8')).to.equal('all\n');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('fails where half an answer would be taken for the whole', async () => {
    const files = play('      slurp: {src: /proc/self/mountinfo}\n');
    const { code, stdout } = await runWith(files, [...RUN, '--output-limit', '10']);
    expect(code).to.equal(2);
    expect(resultOf(stdout).msg).to.match(/the answer of the host is longer than 10 bytes by \d+/);
  });

  it('is not shown by files of secret tasks', async () => {
    const dir = folderOf(play('      shell: echo secret\n      no_log: true\n'));
    try {
      await runIn(dir, [...RUN, '--output-dir', 'out']);
      expect(readdirSync(dir)).to.not.include('out');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('is read in time that grows with its length only, whatever it repeats', () => {
    const repeated = (text: string) => text.repeat(400_000 / text.length);
    const used = process.cpuUsage().user;
    for (const token of [
      '\n',
      ' ',
      'a ',
      '<row>',
      '<field name="a',
      '<resultset statement="',
      '"',
      'a=',
      '/ - ',
      'version',
      ' ON ',
      '(',
      ',',
      '/',
      '0',
    ]) {
      parseResults(`<resultset statement="x"><row>${repeated(token)}`);
      parseResults(`${repeated(token)}</row></resultset>`);
      parseDisplay(repeated(token));
      parseIni(`[a]\na${repeated(token)}`);
      assignments([`a=${repeated(token)}x`]);
      iniPair(`a${repeated(token)}`);
      cronLines(`# (${repeated(token)}`);
      typedValue('x', `a${repeated(token)}`);
      withoutSlashes(`${repeated(token)}x`);
      readGrants([`GRANT ${repeated(token).slice(0, 10_000)} ON *.* TO 'x'@'y'`, `GRANT ${repeated(token)}`]);
    }
    // Each of them took minutes where a pattern went back again and again.
    expect((process.cpuUsage().user - used) / 1e6).to.be.lessThan(10);
  });

  it('keeps no other host waiting: one long line, and a million empty ones', async () => {
    const tasks = `      shell: head -c 20000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' '\\n'; echo end\n`;
    const { code, stdout } = await runWith(play(tasks), RUN);
    // Taken apart anew with each piece that comes, this would take hours; a test has a minute.
    expect([code, resultOf(stdout).stdout_lines.length]).to.deep.equal([0, 1_000_001]);
  });
});
