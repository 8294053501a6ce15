import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { expect } from 'chai';
import { corked } from './corked.ts';

describe('writes of one turn', () => {
  it('leave in one piece, in their order, and before the end', async () => {
    const pieces: string[][] = [];
    const stream = corked(
      new Duplex({
        read() {},
        writev(chunks, done) {
          pieces.push(chunks.map(({ chunk }) => String(chunk)));
          done();
        },
      }),
    );
    for (const text of ['length', 'packet', 'tag']) stream.write(text);
    await new Promise(setImmediate);
    stream.write('last');
    stream.end();
    await once(stream, 'finish');
    expect(pieces).to.deep.equal([['length', 'packet', 'tag'], ['last']]);
  });
});
