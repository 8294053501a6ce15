import { expect } from 'chai';
import stringWidth from 'string-width';
import { cutTo, textWidth } from './columns.ts';

const TEXTS = [
  '',
  'plain',
  '存储主机',
  'e\u0301a',
  '한국어',
  '１２',
  'ｱ',
  '👨‍👩‍👧 🇩🇪 ❤️',
  '“…” ─ ✓ ☺',
  '𠀀',
  'ไทย',
];

describe('columns of a terminal', () => {
  it('are what another package counts', () => {
    for (const text of TEXTS) expect(textWidth(text), text).to.equal(stringWidth(text));
  });

  it('a cut text fits, and shows that it was cut', () => {
    for (const text of TEXTS)
      for (let columns = 1; columns < 12; columns++) {
        const cut = cutTo(text, columns);
        expect(stringWidth(cut), text).to.be.at.most(columns);
        if (stringWidth(text) <= columns) expect(cut).to.equal(text);
        else expect(text.startsWith(cut.slice(0, -1)) && cut.endsWith('…'), cut).to.equal(true);
      }
  });
});
