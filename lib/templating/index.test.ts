import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SourceError } from '../source/errors.ts';
import { fromPlain, type Json, toPlain, Undefined, type Value } from '../source/value.ts';
import { createTemplar, type Variables } from './index.ts';

function variables(json: { [key: string]: Json }): Variables {
  const dict = fromPlain(json) as Map<Value, Value>;
  return {
    get: name => dict.get(name) ?? new Undefined(name),
    has: name => dict.has(name),
    names: () => [...dict.keys()] as string[],
  };
}

const templar = createTemplar({
  searchPath: () => [],
  readFile: () => Buffer.from(''),
  decrypt: text => text,
  env: {},
});

const vars = variables({ a: { b: { c: 1 } }, list: [1, 2, 3], text: 'plain' });

describe('templar', () => {
  it('keeps the type of a single expression', () => {
    expect(toPlain(templar.render('{{ list }}', vars))).to.deep.equal([1, 2, 3]);
    expect(templar.render('{{ a.b.c }}', vars)).to.equal(1);
  });

  it('points at the undefined part and offers the nearest name', () => {
    const render = () => templar.render('x {{ a.b.d }}', vars, { file: 'f.yml', line: 2, col: 10 });
    expect(render)
      .to.throw(SourceError)
      .that.includes({ code: 'UNDEFINED_VARIABLE', hint: 'did you mean "c"?' });
  });
});
