import { expect } from 'chai';
import { judgeMoving, judgeSteady, longestGap, type SqlAnswer, twoPrimaries, twoWritersUp } from './judge.ts';
import type { Shot } from './shots.ts';

const roles = { primary: 'rw1', replicas: ['ro1', 'ro2'] };

const shot = (host: string, path: string, code: number | undefined, at = 0, body = ''): Shot => ({
  host,
  path,
  sentAt: at,
  ms: 10,
  code,
  body,
});
const through = (path: string, node: string, code: number, at = 0): Shot =>
  shot('lb1', path, code, at, JSON.stringify({ patroni: { scope: 'polar', name: node } }));
const sql = (port: 'write' | 'read', node: string | undefined, replica: boolean, at = 0): SqlAnswer => ({
  balancer: 'lb1',
  port,
  session: 'new',
  sentAt: at,
  ms: 5,
  node,
  replica,
});
const csv = (...states: readonly string[]): string =>
  [
    '# pxname,svname,qcur,status,weight',
    'write,FRONTEND,,OPEN,',
    ...states.map((state, i) => `primary,n${i},0,${state},1`),
    'primary,BACKEND,0,UP,1',
    'replicas,n0,0,UP,1',
  ].join('\n');

describe('bench http: what an answer is worth', () => {
  const steady = (shots: readonly Shot[], answers: readonly SqlAnswer[] = []) =>
    judgeSteady(shots, answers, roles).map(({ place, wrong, unanswered }) => ({ place, wrong, unanswered }));

  it('a node may say yes only to what it is; no is never wrong', () => {
    expect(
      steady([
        shot('rw1', '/primary', 200),
        shot('ro1', '/primary', 503),
        shot('ro1', '/replica', 503),
        shot('ro2', '/primary', 200),
        shot('rw1', '/replica', 200),
        shot('rw1', '/replica', undefined),
        shot('rw1', '/replica', 408),
      ]),
    ).to.deep.equal([
      { place: 'ro1 /primary', wrong: 0, unanswered: 0 },
      { place: 'ro1 /replica', wrong: 0, unanswered: 0 },
      { place: 'ro2 /primary', wrong: 1, unanswered: 0 },
      { place: 'rw1 /primary', wrong: 0, unanswered: 0 },
      { place: 'rw1 /replica', wrong: 1, unanswered: 2 },
    ]);
  });

  it('a balancer that leads to a node that refuses is wrong; one that has nobody is out of order', () => {
    expect(
      steady([
        through('/write', 'rw1', 200),
        through('/write', 'ro1', 503),
        shot('lb1', '/write', 503, 0, '<html>No server is available</html>'),
        shot('lb1', '/read', 503, 0, '{"patroni": 1}'),
        // A replica that cannot serve at the moment, such as one that is far behind.
        through('/read', 'ro1', 503),
        shot('lb1', '/stats;csv', 200, 0, csv('UP', 'UP')),
      ]),
    ).to.deep.equal([
      { place: 'lb1 /read', wrong: 0, unanswered: 2 },
      { place: 'lb1 /write', wrong: 1, unanswered: 1 },
    ]);
  });

  it('SQL on the port for writes is wrong on a replica, on the port for reads on the primary', () => {
    expect(
      steady(
        [],
        [
          sql('write', 'rw1', false),
          sql('write', 'ro1', true),
          sql('read', 'ro1', true),
          sql('read', 'rw1', false),
          sql('read', undefined, false),
        ],
      ),
    ).to.deep.equal([
      { place: 'lb1 SQL read, new session', wrong: 1, unanswered: 1 },
      { place: 'lb1 SQL write, new session', wrong: 1, unanswered: 0 },
    ]);
  });

  it('while roles change, a balancer may follow a little later than a node’s own word, and no later', () => {
    const words = [shot('rw1', '/primary', 200, 0), shot('rw1', '/primary', 503, 1000)];
    const of = (at: number) => {
      const tallies = judgeMoving(
        [...words, through('/write', 'rw1', 503, at)],
        [sql('write', 'rw1', true, at)],
        3000,
      );
      return tallies.filter(t => t.place.startsWith('lb1')).map(t => [t.behind, t.wrong]);
    };
    expect(of(4009)).to.deep.equal([
      [1, 0],
      [1, 0],
    ]);
    expect(of(4011)).to.deep.equal([
      [0, 1],
      [0, 1],
    ]);
    // Nobody asked it since its yes: when it changed is not known.
    expect(judgeMoving([words[0]!], [sql('write', 'rw1', true, 9000)], 3000)[0]).to.include({
      wrong: 0,
      behind: 1,
    });
    // A node that never called itself so was never right.
    expect(judgeMoving([], [sql('write', 'ro9', true, 5)], 3000)[0]!.wrong).to.equal(1);
  });

  it('finds two primaries, and none in a clean change', () => {
    const clean = [
      ...[0, 500, 1000].map(at => shot('rw1', '/primary', 200, at)),
      ...[3000, 3500].map(at => shot('ro1', '/primary', 200, at)),
    ];
    expect(twoPrimaries(clean)).to.equal(0);
    const both = [...clean, shot('rw1', '/primary', 200, 4200), shot('ro1', '/primary', 200, 4700)];
    expect(twoPrimaries(both)).to.be.greaterThan(0);
    expect(twoWritersUp([shot('lb1', '/stats;csv', 200, 0, csv('UP', 'DOWN 1/2'))])).to.equal(0);
    expect(twoWritersUp([shot('lb1', '/stats;csv', 200, 0, csv('UP', 'UP 1/3', 'DOWN'))])).to.equal(1);
  });

  it('measures the longest time without an answer', () => {
    expect(longestGap([100, 200, 900, 1000], 0, 1100)).to.equal(700);
    expect(longestGap([], 0, 1100)).to.equal(1100);
  });
});
