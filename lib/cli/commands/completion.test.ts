import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from '../../source/package-root.ts';

/** What the real shells offer for a line, with the built command. */
describe('completion', function () {
  this.timeout(120_000);
  let scratch: string;
  let env: NodeJS.ProcessEnv;

  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polarplay-completion-'));
    const bin = join(scratch, 'bin');
    mkdirSync(bin);
    const command = join(bin, 'polarplay');
    writeFileSync(
      command,
      `#!/bin/sh\nexec '${process.execPath}' '${join(PACKAGE_ROOT, 'dist/polarplay.js')}' "$@"\n`,
    );
    chmodSync(command, 0o755);
    writeFileSync(join(scratch, 'hosts'), '[storage]\nst1\n[nodes]\nrw1\n');
    writeFileSync(
      join(scratch, 'play.yml'),
      '- hosts: all\n  tasks:\n    - {name: A, meta: noop, tags: [early]}\n    - {name: B, meta: noop, tags: [late]}\n',
    );
    env = { ...process.env, HOME: scratch, PATH: `${bin}:${process.env['PATH']}`, TERM: 'dumb' };
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const run = (file: string, args: readonly string[]) =>
    spawnSync(file, args, { cwd: scratch, encoding: 'utf8', env, timeout: 100_000 });

  const lines: readonly (readonly [line: string, word: string])[] = [
    ['polarplay verif', 'verify'],
    ['polarplay play.yml -i hosts -l rw', 'rw1'],
    ['polarplay play.yml -i hosts --limit stor', 'storage'],
    ['polarplay play.yml -i hosts --tags ea', 'early'],
    ['polarplay play.yml --role nbd_c', 'nbd_client'],
  ];

  /** Skips in words where there is no such shell. */
  const needs = (context: Mocha.Context, shell: string) => {
    if (spawnSync(shell, ['--version']).status === 0) return;
    console.log(`      skipped: ${shell} is not installed`);
    context.skip();
  };

  const IN_BASH = `source <(polarplay completion bash); read -ra COMP_WORDS <<<"$1"; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _polarplay; printf '%s\\n' "\${COMPREPLY[@]}"`;

  it('offers no name that a shell would take for more than a word, and runs none', () => {
    const names = [
      '$(:>took-over)',
      '`:>took-over`',
      'a;:>took-over',
      '-e@x',
      '~root',
      'a b',
      '数据-1',
      'a$HOME',
    ];
    writeFileSync(
      join(scratch, 'hostile.yml'),
      JSON.stringify([{ hosts: 'all', tasks: [{ meta: 'noop', tags: names }] }]),
    );
    const { stdout, stderr } = run('bash', ['-c', IN_BASH, 'bash', 'polarplay hostile.yml --tags 数']);
    expect([stdout, stderr]).to.deep.equal(['数据-1\n', '']);
    const words = run('polarplay', ['completion', 'words', 'hostile.yml', '--tags', '']);
    expect(words.stdout).to.equal('数据-1\n');
    expect(readdirSync(scratch)).to.not.include('took-over');
  });

  for (const [line, word] of lines) {
    it(`in bash: ${line}`, () => {
      expect(run('bash', ['-c', IN_BASH, 'bash', line]).stdout.split('\n')).to.include(word);
    });

    it(`in fish: ${line}`, function () {
      needs(this, 'fish');
      const script = `polarplay completion fish | source; complete -C '${line}'`;
      expect(run('fish', ['-c', script]).stdout.split('\n')).to.include(word);
    });

    it(`in zsh: ${line}`, function () {
      needs(this, 'zsh');
      writeFileSync(join(scratch, '_polarplay'), run('polarplay', ['completion', 'zsh']).stdout);
      const { stdout } = run('zsh', ['-f', '-c', ZSH, 'zsh', line]);
      expect(stdout.split('\n')).to.include(word);
    });
  }
});

/** The script as zsh calls it; what it would offer is printed instead. */
const ZSH = `
compadd() { print -l -- "\${(@P)2}" }
_files() { }
complete_line() { source ./_polarplay }
words=(\${(z)1}) CURRENT=$#words
complete_line
`;
