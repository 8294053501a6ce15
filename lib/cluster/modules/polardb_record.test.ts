import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  checkFidelity,
  finishedArguments,
  runModule,
  withTemporaryDirectory,
} from '../../../test/support/run-module.ts';
import { type ClusterRecord, change, formatRecord, parseRecord, polardbRecord } from './polardb_record.ts';

const request = (raw: Parameters<typeof finishedArguments>[1]) =>
  finishedArguments(polardbRecord, { cluster: 'polar', ...raw }) as Parameters<typeof change>[1];

const three = change(undefined, request({ initial_primary: 'rw1', nodes: { rw1: 1, ro1: 2, ro2: 3 } }));

const plain = (record: ClusterRecord) => ({ ...record, nodes: [...record.nodes] });

describe('the role record', () => {
  it('is read as it was written, in whole blocks', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
    const record = fc.record({
      cluster: name,
      epoch: fc.nat(),
      primary: name,
      systemIdentifier: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
      nodes: fc
        .array(
          fc.tuple(
            name,
            fc.record(
              { hostid: fc.integer({ min: 1, max: 30 }), removed: fc.boolean() },
              { noNullPrototype: true },
            ),
          ),
          { maxLength: 30 },
        )
        .map(entries => new Map(entries)),
      fenced: fc.array(name, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(record, (value: ClusterRecord) => {
        const text = formatRecord(value);
        expect(text.length % 4096).to.equal(0);
        expect(plain(parseRecord(text))).to.deep.equal(plain(value));
      }),
    );
  });

  it('is refused when it is not whole', () => {
    const text = formatRecord(three);
    for (const broken of [text.slice(0, 40), text.replace('end', ''), 'polar-record 2\nend\n', 'x'])
      expect(() => parseRecord(broken), broken.slice(0, 20)).to.throw(/damaged/);
  });

  it('keeps the primary, whatever the inventory says later', () => {
    const switched = change(three, request({ primary: 'ro1' }));
    expect(switched).to.include({ primary: 'ro1', epoch: 2 });
    expect(change(switched, request({ initial_primary: 'rw1', nodes: { rw1: 1, ro1: 2, ro2: 3 } }))).to.equal(
      switched,
    );
  });

  const refused: readonly [string, Parameters<typeof request>[0], RegExp][] = [
    ['another cluster', { cluster: 'other' }, /record of cluster polar, not of other/],
    ['a new identity for a node', { nodes: { ro1: 7 } }, /is 2 in the role record and 7 now/],
    ['an identity that is taken', { nodes: { ro3: 3 } }, /3 of ro3 belongs to ro2/],
    ['an identity out of range', { nodes: { ro3: 31 } }, /from 1 to 30/],
    ['a primary that is not a node', { primary: 'db9' }, /db9 is not a node/],
    ['a primary that is fenced', { primary: 'ro1', fence: ['ro1'] }, /ro1 is fenced/],
    ['to fence the primary without a successor', { fence: ['rw1'] }, /rw1 is fenced/],
    ['to remove the primary', { remove: ['rw1'] }, /rw1 is not a node/],
    [
      'a change that expects another primary',
      { expect_primary: 'ro1', primary: 'ro2' },
      /the primary is rw1, not ro1/,
    ],
  ];
  for (const [what, raw, message] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => change(three, request(raw))).to.throw(message);
    });
  }

  it('never gives away the identity of a removed node, but takes the node itself back', () => {
    const without = change(three, request({ remove: ['ro2'] }));
    expect(() => change(without, request({ nodes: { ro3: 3 } }))).to.throw(/3 of ro3 once belonged to ro2/);
    expect(change(without, request({ nodes: { ro2: 3 } })).nodes.get('ro2')).to.deep.equal({
      hostid: 3,
      removed: false,
    });
  });

  it('refuses another database than the recorded one', () => {
    const known = change(three, request({ system_identifier: '7' }));
    expect(change(known, request({ system_identifier: '7' }))).to.equal(known);
    expect(() => change(known, request({ system_identifier: '8' }))).to.throw(/another cluster's disk/);
  });

  it('is raised to an epoch that no node has seen, and never lowered', () => {
    expect(change(three, request({ primary: 'ro1', epoch: 7 }))).to.include({ primary: 'ro1', epoch: 7 });
    expect(change(three, request({ epoch: 0 }))).to.equal(three);
    expect(change({ ...three, epoch: 9 }, request({ epoch: 7 })).epoch).to.equal(9);
  });

  it('fails over: the old primary is fenced and replaced in one step', () => {
    const failed = change(three, request({ primary: 'ro1', fence: ['rw1'], expect_primary: 'rw1' }));
    expect(failed).to.deep.include({ primary: 'ro1', fenced: ['rw1'], epoch: 2 });
    expect(change(failed, request({ unfence: ['rw1'] })).fenced).to.deep.equal([]);
  });
});

describe('lines of the role record', () => {
  it('come from no text that a node says', () => {
    for (const forged of ['7\nprimary=ro1', '7 ', 'x', '7\nfenced=ro2'])
      expect(() => change(three, request({ system_identifier: forged }))).to.throw(/not a system identifier/);
    expect(() => change(three, request({ nodes: { 'ro9 3 member\nfenced': 9 } }))).to.throw(/line break/);
    expect(() => change(three, request({ fence: ['ro1\nprimary=ro2'] }))).to.throw(/line break/);
  });
});

describe('polardb_record', () => {
  it('makes the record, predicts the run in check mode, and changes nothing the second time', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'polar/record');
      const raw = { path, cluster: 'polar', initial_primary: 'rw1', nodes: { rw1: 1, ro1: 2 } };
      const { checked, first } = await checkFidelity(polardbRecord, raw, dir);
      expect(checked.record).to.deep.equal(first.record);
      expect(first.record).to.deep.include({
        primary: 'rw1',
        epoch: 1,
        nodes: { rw1: 1, ro1: 2 },
        fenced: [],
      });
      expect(parseRecord(readFileSync(path, 'utf8')).primary).to.equal('rw1');
    }));

  it('only reads without a cluster name', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'record');
      expect(await runModule(polardbRecord, { path })).to.deep.equal({
        changed: false,
        exists: false,
        record: {},
      });
      expect(existsSync(path)).to.equal(false);
    }));

  it('does not write over a change that another run made meanwhile', () =>
    withTemporaryDirectory(async dir => {
      const path = join(dir, 'record');
      await runModule(polardbRecord, {
        path,
        cluster: 'polar',
        initial_primary: 'rw1',
        nodes: { rw1: 1, ro1: 2, ro2: 3 },
      });
      let requests = 0;
      const result = await runModule(
        polardbRecord,
        { path, cluster: 'polar', primary: 'ro1' },
        {
          onRequest: () => {
            if (++requests === 2) writeOther(path);
          },
        },
      );
      expect(result).to.deep.include({ failed: true });
      expect(result.msg).to.match(/another run has changed it meanwhile/);
      expect(parseRecord(readFileSync(path, 'utf8')).primary).to.equal('ro2');
    }));
});

function writeOther(path: string): void {
  const other = change(parseRecord(readFileSync(path, 'utf8')), request({ primary: 'ro2' }));

  writeFileSync(path, formatRecord(other));
}
