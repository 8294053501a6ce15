import { expect } from 'chai';
import { UsageError } from '../source/errors.ts';
import { parseFlags } from '../source/flags.ts';
import { PLAYBOOK_FLAGS } from './playbook-flags.ts';

const parse = (...argv: string[]) => parseFlags(PLAYBOOK_FLAGS, argv);

describe('parseFlags', () => {
  it('takes the flags people know from Ansible', () => {
    const flags = parse(
      'site.yml',
      '-i',
      'a',
      '-i',
      'b',
      '-vvv',
      '-bK',
      '-e',
      'x=1',
      '--limit',
      'web',
      '-C',
      '-D',
      '-f',
      '10',
    );
    expect(flags.positionals).to.deep.equal(['site.yml']);
    expect(flags.texts('inventory')).to.deep.equal(['a', 'b']);
    expect(flags.count('verbose')).to.equal(3);
    expect([
      flags.has('become'),
      flags.has('ask-become-pass'),
      flags.has('check'),
      flags.has('diff'),
    ]).to.deep.equal([true, true, true, true]);
    expect(flags.text('forks')).to.equal('10');
  });
  it('knows other names of a flag', () => {
    expect(parse('--subset', 'web').text('limit')).to.equal('web');
    expect(parse('--key-file=k').text('private-key')).to.equal('k');
  });
  it('suggests a near flag', () => {
    expect(() => parse('--chek')).to.throw(UsageError, 'did you mean --check?');
  });
  it('says what is missing', () => {
    expect(() => parse('-i')).to.throw(UsageError, '-i wants a value: FILE');
    expect(() => parse('--limit')).to.throw(UsageError, '--limit wants a value: PATTERN');
  });
  it('takes a value that begins with a dash', () => {
    expect(parse('--ssh-common-args', '-o ProxyJump=bastion').text('ssh-common-args')).to.equal(
      '-o ProxyJump=bastion',
    );
  });
});
