import { expect } from 'chai';
import { planFor } from '../../../test/support/run-module.ts';
import { apache2Module, identifierOf } from './apache2_module.ts';

describe('apache2_module', () => {
  const loaded = { stdout: 'Loaded Modules:\n core_module (static)\n rewrite_module (shared)\n' };
  it('compares with what Apache loads', () => {
    expect(planFor(apache2Module, { name: 'rewrite' }, loaded).changes).to.deep.equal([]);
    expect(planFor(apache2Module, { name: 'ssl' }, loaded).changes).to.deep.equal(['Module ssl enabled']);
    expect(planFor(apache2Module, { name: 'rewrite', state: 'absent' }, loaded).changes).to.deep.equal([
      'Module rewrite disabled',
    ]);
    expect(() => planFor(apache2Module, { name: 'ssl' }, { rc: 1, stderr: 'Syntax error' }).changes).to.throw(
      'Syntax error',
    );
  });
  it('knows how modules are called', () => {
    expect(['php8.2', 'php7.4', 'evasive', 'ssl'].map(name => identifierOf({ name }))).to.deep.equal([
      'php_module',
      'php7_module',
      'evasive20_module',
      'ssl_module',
    ]);
  });
});
