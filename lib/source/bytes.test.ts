import { expect } from 'chai';
import fc from 'fast-check';
import { bytesOf, textOf } from './bytes.ts';

describe('bytes as text', () => {
  it('is UTF-8 where it is UTF-8', () => {
    for (const text of ['', 'plain', '数据', 'a\0b\n', '🐘', '\ufffd'])
      expect(textOf(Buffer.from(text)), text).to.equal(text);
    expect(bytesOf('🐘数据')).to.deep.equal(Buffer.from('🐘数据'));
  });

  it('keeps every other byte apart', () => {
    expect(textOf(Buffer.from('61ff62', 'hex'))).to.equal('a\udcffb');
    expect(textOf(Buffer.from('edb280', 'hex'))).to.equal('\udced\udcb2\udc80');
    expect(textOf(Buffer.from('fe', 'hex'))).to.not.equal(textOf(Buffer.from('ff', 'hex')));
  });

  it('gives the same bytes back, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), array => {
        const bytes = Buffer.from(array);
        expect(bytesOf(textOf(bytes)).equals(bytes)).to.equal(true);
      }),
    );
  });
});
