import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FactCache } from './fact-cache.ts';
import { HostState } from './host-state.ts';

describe('facts kept between runs', () => {
  let dir: string;
  let warnings: string[];
  const cache = (timeout = 0) =>
    new FactCache({
      directory: join(dir, 'facts'),
      prefix: 'of_',
      timeout,
      warn: text => warnings.push(text),
    });
  const file = () => join(dir, 'facts/of_h1');

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'polarplay-facts-'));
    warnings = [];
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are written in the form of Ansible, for their owner only, and read again', () => {
    const state = new HostState('h1');
    state.addFacts({ ansible_system: 'Linux' }, true);
    state.addFact('own', 7);
    state.factsGathered = true;
    cache().write('h1', state.factsToKeep()!);
    expect(warnings).to.deep.equal([]);
    expect(state.factsToKeep()).to.equal(undefined);
    const facts = { ansible_system: 'Linux', own: 7, _ansible_facts_gathered: true };
    expect(JSON.parse(readFileSync(file(), 'utf8'))).to.deep.equal(facts);
    expect(statSync(file()).mode & 0o777).to.equal(0o600);
    const again = new HostState('h1');
    again.recallFacts(cache().read('h1')!);
    expect([again.factsGathered, [...again.plainFacts]]).to.deep.equal([true, [...state.plainFacts]]);
    expect(again.factsToKeep()).to.equal(undefined);
  });

  it('keep all digits of large integers', () => {
    cache().write('h1', { id: 7_000_000_000_000_000_001n });
    expect(cache().read('h1')).to.deep.equal({ id: 7_000_000_000_000_000_001n });
  });

  it('are a warning, once, where they cannot be kept', () => {
    writeFileSync(join(dir, 'facts'), 'in the way');
    const one = cache();
    one.write('h1', { own: 1 });
    one.write('h2', { own: 1 });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/^facts are not kept: /);
  });

  it('set no variable that says how a host is reached', () => {
    const state = new HostState('h1');
    state.recallFacts({ ansible_ssh_common_args: '-oProxyCommand=x', ansible_system: 'Linux' });
    expect([...state.factVars.keys()]).to.deep.equal(['ansible_system']);
  });

  it('go when they are cleared', () => {
    cache().write('h1', { own: 1 });
    const state = new HostState('h1');
    state.recallFacts(cache().read('h1')!);
    state.clearFacts();
    cache().write('h1', state.factsToKeep()!);
    expect(existsSync(file())).to.equal(false);
  });

  it('are unknown once they are too old', () => {
    cache().write('h1', { own: 1 });
    const then = Date.now() / 1000 - 100;
    utimesSync(file(), then, then);
    expect([cache(60).read('h1'), cache(200).read('h1'), warnings]).to.deep.equal([
      undefined,
      { own: 1 },
      [],
    ]);
  });

  it('are not read where others may write them, or where they are none', () => {
    cache().write('h1', { own: 1 });
    chmodSync(file(), 0o666);
    expect(cache().read('h1')).to.equal(undefined);
    chmodSync(file(), 0o600);
    writeFileSync(file(), '[1]');
    expect(cache().read('h1')).to.equal(undefined);
    expect(warnings.map(text => text.replace(dir, ''))).to.deep.equal([
      'the fact cache /facts/of_h1 is not read: others than its owner or root may write it',
      'the fact cache /facts/of_h1 is not read: it holds no facts',
    ]);
  });

  it('lie nowhere but in their directory, whatever a host is called', () => {
    cache().write('../../x', { own: 1 });
    expect([cache().read('../../x'), existsSync(join(dir, 'facts'))]).to.deep.equal([undefined, false]);
  });
});
