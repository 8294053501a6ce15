import { expect } from 'chai';
import { listensEverywhere, parseListeners } from './sockets.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B004D0A:0781 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:9C40 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 3
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4
   1: 0000000000000000FFFF00000100007F:1538 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 5
   2: 000080FE00000000FF565002BD69B1FE:0781 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 6
   3: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7
`;

describe('verify: listening sockets', () => {
  it('reads the kernel table, connected sockets left out', () => {
    expect(parseListeners(TABLE)).to.deep.equal([
      { address: '10.77.0.11', port: 1921 },
      { address: '0.0.0.0', port: 22 },
      { address: '::', port: 22 },
      { address: '127.0.0.1', port: 5432 },
      { address: 'fe80::250:56ff:feb1:69bd', port: 1921 },
      { address: '::1', port: 8080 },
    ]);
  });

  it('tells an address from all addresses', () => {
    expect(parseListeners(TABLE).map(listensEverywhere)).to.deep.equal([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
