import { expect } from 'chai';
import fc from 'fast-check';
import type { Block, Task, TaskNode } from '../../playbook/types.ts';
import { comparePaths, type StepEnd, walk } from './cursor.ts';

const task = (id: string): Task => ({ kind: 'task', id }) as Task;
const block = (parts: Partial<Block>): Block =>
  ({ kind: 'block', id: 'b', block: [], rescue: [], always: [], ...parts }) as unknown as Block;

const OK: StepEnd = { failed: false, skipped: false, included: [] };

/** Walks with the given outcome per task id; says which tasks ran, how it ended and how often it was rescued. */
function run(nodes: readonly TaskNode[], ends: Readonly<Record<string, Partial<StepEnd>>> = {}) {
  const ran: string[] = [];
  const paths: (readonly number[])[] = [];
  let rescues = 0;
  const steps = walk(nodes, { selects: t => !t.id.startsWith('-'), cleared: () => 0 });
  let next = steps.next();
  while (!next.done) {
    ran.push(next.value.task.id);
    paths.push(next.value.path);
    const end = { ...OK, ...ends[next.value.task.id] };
    if (end.failed && next.value.rescuable) rescues++;
    next = steps.next(end);
  }
  return { ran, end: next.value, rescues, paths };
}

const failed = { failed: true };

describe('walk', () => {
  const cases: [string, TaskNode[], Record<string, Partial<StepEnd>>, string, 'done' | 'failed', number][] = [
    ['runs tasks in order', [task('a'), task('b')], {}, 'a b', 'done', 0],
    ['stops at a failure', [task('a'), task('b')], { a: failed }, 'a', 'failed', 0],
    ['leaves out what is not selected', [task('-a'), task('b')], {}, 'b', 'done', 0],
    [
      'rescues and goes on',
      [block({ block: [task('a'), task('b')], rescue: [task('r')], always: [task('z')] }), task('n')],
      { a: failed },
      'a r z n',
      'done',
      1,
    ],
    [
      'runs always after a failure without rescue',
      [block({ block: [task('a')], always: [task('z')] }), task('n')],
      { a: failed },
      'a z',
      'failed',
      0,
    ],
    [
      'fails when the rescue fails, after always',
      [block({ block: [task('a')], rescue: [task('r'), task('s')], always: [task('z')] })],
      { a: failed, r: failed },
      'a r z',
      'failed',
      1,
    ],
    [
      'chains to the rescue of an outer block',
      [block({ block: [block({ block: [task('a')], rescue: [task('r')] })], rescue: [task('o')] })],
      { a: failed, r: failed },
      'a r o',
      'done',
      2,
    ],
    [
      'skips rescue without a failure',
      [block({ block: [task('a')], rescue: [task('r')] })],
      {},
      'a',
      'done',
      0,
    ],
    [
      'goes into what an include brings',
      [task('i'), task('n')],
      {
        i: {
          included: [
            { nodes: [task('x')], frame: new Map(), what: '' },
            { nodes: [task('y')], frame: new Map(), what: '' },
          ],
        },
      },
      'i x y n',
      'done',
      0,
    ],
  ];
  for (const [name, nodes, ends, ran, end, rescues] of cases) {
    it(name, () => {
      expect(run(nodes, ends)).to.include({ end, rescues });
      expect(run(nodes, ends).ran.join(' ')).to.equal(ran);
    });
  }

  it('yields paths in ascending order, whatever fails', () => {
    const leaf = fc.nat(5).map(n => task(String(n)));
    const { tree } = fc.letrec<{ tree: TaskNode[]; node: TaskNode }>(tie => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc
          .record({ block: tie('tree'), rescue: tie('tree'), always: tie('tree') })
          .map(parts => block(parts)),
      ),
      tree: fc.array(tie('node'), { maxLength: 4 }),
    }));
    fc.assert(
      fc.property(tree, fc.subarray(['0', '1', '2', '3', '4', '5']), (nodes, bad) => {
        const { paths } = run(nodes, Object.fromEntries(bad.map(id => [id, failed])));
        for (let i = 1; i < paths.length; i++)
          expect(comparePaths(paths[i - 1]!, paths[i]!)).to.be.lessThan(0);
      }),
      { numRuns: 60 },
    );
  });
});
