import { expect } from 'chai';
import fc from 'fast-check';
import { FrameReader, randomToken } from './framing.ts';

function read(token: string, chunks: readonly Buffer[]): (string | Buffer)[] {
  const seen: (string | Buffer)[] = [];
  const reader = new FrameReader(token, {
    data: chunk => {
      const last = seen.at(-1);
      if (Buffer.isBuffer(last)) seen[seen.length - 1] = Buffer.concat([last, chunk]);
      else seen.push(chunk);
    },
    frame: text => seen.push(text),
    broken: () => seen.push('broken'),
  });
  for (const chunk of chunks) reader.push(chunk);
  return seen;
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

describe('framing', () => {
  it('finds frames and data, however the bytes are cut', () => {
    const part = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map(bytes => Buffer.from(bytes)),
      fc.constantFrom('e0', 'e127', 'b12345', ''),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(fc.nat(30)), (parts, sizes) => {
        const token = 'pp-tok-';
        const bytes = Buffer.concat(parts.map(p => (Buffer.isBuffer(p) ? p : Buffer.from(`${token}${p}\n`))));
        expect(read(token, cut(bytes, sizes))).to.deep.equal(read(token, [bytes]));
        const frames = read(token, [bytes]).filter(item => typeof item === 'string');
        expect(frames).to.deep.equal(parts.filter(item => typeof item === 'string'));
      }),
    );
  });

  it('holds back no more than what may become a token', () => {
    expect(read('pp-tok-', [Buffer.from('almost pp-to')])).to.deep.equal([Buffer.from('almost ')]);
    expect(read('pp-tok-', [Buffer.from('pp-to'), Buffer.from('day')])).to.deep.equal([
      Buffer.from('pp-today'),
    ]);
  });

  it('makes a new token each time', () => {
    expect(randomToken()).not.to.equal(randomToken());
  });

  it('holds no more of a line behind a token than a shell of ours writes', () => {
    const token = randomToken();
    const endless = [
      Buffer.from(`data${token}`),
      ...Array.from({ length: 10 }, () => Buffer.alloc(1000, 'x')),
    ];
    expect(read(token, endless)).to.include('broken');
  });
});
