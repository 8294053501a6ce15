import { expect } from 'chai';
import { jsonText, parseJson } from './json.ts';

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

  it('leaves floats, exponents and digits in texts and keys alone', () => {
    for (const text of [
      '1234567890123456.5',
      '1e20',
      '"\\"12345678901234567890"',
      '{"12345678901234567890":1}',
    ])
      expect(parseJson(text)).to.deep.equal(JSON.parse(text));
  });

  it('refuses what is no JSON, and indents', () => {
    expect(() => parseJson('{12345678901234567890}')).to.throw(SyntaxError);
    expect(jsonText({ a: 12345678901234567890n }, 2)).to.equal('{\n  "a": 12345678901234567890\n}');
  });
});
