import { expect } from 'chai';
import { Float, type Json, jsonText, parseJson } from './json.ts';

describe('JSON with integers of any size', () => {
  it('reads and writes them exactly', () => {
    const text =
      '{"a":7398746598346598123,"b":[-9007199254740993,9007199254740991],"c":"7398746598346598123"}';
    const value = parseJson(text);
    expect(value).to.deep.equal({
      a: 7398746598346598123n,
      b: [-9007199254740993n, 9007199254740991],
      c: '7398746598346598123',
    });
    expect(jsonText(value)).to.equal(text);
  });

  it('keeps floats that are integral', () => {
    const text = '{"a":1.0,"b":[-1.0,2.5,1e+20,3],"c":"1.0 1e5","d":7398746598346598123}';
    const value = parseJson(text) as { readonly a: Json };
    expect(value.a).to.deep.equal(new Float(1));
    expect(jsonText(value)).to.equal(text);
    expect(jsonText([new Float(1e15), new Float(Number.NaN)])).to.equal('[1000000000000000.0,null]');
    expect(jsonText(parseJson('[1E2, 1.50, 100e-1]'))).to.equal('[100.0,1.5,10.0]');
  });

  it('leaves other floats, and digits in texts and keys alone', () => {
    for (const text of [
      '1234567890123456.5',
      '2.5e-3',
      '"\\"12345678901234567890"',
      '{"12345678901234567890":1}',
    ])
      expect(parseJson(text)).to.deep.equal(JSON.parse(text));
  });

  it('refuses what is not JSON, and indents', () => {
    expect(() => parseJson('{12345678901234567890}')).to.throw(SyntaxError);
    expect(jsonText({ a: 12345678901234567890n }, 2)).to.equal('{\n  "a": 12345678901234567890\n}');
  });
});
