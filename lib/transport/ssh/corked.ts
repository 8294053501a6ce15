import type { Duplex } from 'node:stream';

/** What is written in one turn leaves in one piece: ssh2 writes each packet in three, which would be three segments. */
export function corked<T extends Duplex>(stream: T): T {
  const write: Duplex['write'] = stream.write.bind(stream);
  const corkedWrite = (...args: Parameters<Duplex['write']>): boolean => {
    if (stream.writableCorked === 0) {
      stream.cork();
      process.nextTick(() => stream.uncork());
    }
    return write(...args);
  };
  stream.write = corkedWrite as Duplex['write'];
  return stream;
}
