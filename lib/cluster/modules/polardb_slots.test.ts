import { expect } from 'chai';
import {
  finishedArguments,
  planAndScript,
  recordsText,
  replaySteps,
  testContext,
} from '../../../test/support/run-module.ts';
import { polardbSlots } from './polardb_slots.ts';

const bin = '/opt/polardb/bin';
const FOUND = recordsText({ rows: '7300\0\0replica1\0t\0replica2\0f\0other\0t\0' });

describe('polardb_slots', () => {
  it('creates what is missing, makes anew what keeps no WAL, and leaves others alone', () => {
    const names = ['replica1', 'replica2', 'replica3'];
    const { plan, script } = planAndScript(polardbSlots, { bin, names }, FOUND);
    expect(plan.changes).to.deep.equal(['create slot replica3', 'make slot replica2 anew, its WAL kept']);
    expect(plan.result).to.deep.equal({
      slots: ['replica1', 'replica2', 'other'],
      system_identifier: '7300',
    });
    expect(script.match(/pg_\w+_slot\(''?[^)]*/g) ?? script).to.have.lengthOf(3);
    expect(script).not.to.match(/replica1|other/);
  });

  it('drops only what is named', () => {
    const { plan, script } = planAndScript(polardbSlots, { bin, absent: ['replica2', 'gone'] }, FOUND);
    expect(plan.changes).to.deep.equal(['drop slot replica2']);
    expect(script).to.include('pg_drop_replication_slot').and.not.include('gone');
  });

  it('changes nothing where all are kept', () => {
    expect(planAndScript(polardbSlots, { bin, names: ['replica1'] }, FOUND).plan.changes).to.deep.equal([]);
  });

  it('knows each slot by its whole name, whatever stands in it', () => {
    const rows = '7300\0\0a|t\nreplica1\0f\0';
    const { plan } = planAndScript(polardbSlots, { bin, names: ['replica1'] }, recordsText({ rows }));
    expect(plan.changes).to.deep.equal(['create slot replica1']);
    expect(plan.result?.['slots']).to.deep.equal(['a|t\nreplica1']);
  });

  it('takes a silent server for one that does not run yet in check mode alone', () => {
    const probe = (checkMode: boolean) => {
      if (polardbSlots.kind !== 'state') throw new Error('it has a state');
      const args = finishedArguments(polardbSlots, { bin }) as never;
      const down = [{ rc: 70, stderr: 'no connections' }];
      return replaySteps(polardbSlots.probe(args, testContext({ checkMode })), down).value;
    };
    expect(probe(true)).to.deep.equal({ systemIdentifier: '', slots: new Map() });
    expect(() => probe(false)).to.throw('cannot read the replication slots: no connections');
  });
});
