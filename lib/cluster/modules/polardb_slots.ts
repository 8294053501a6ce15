import { A, Type } from '../../modules/kit/arguments.ts';
import { defineState, ModuleError, mustSh } from '../../modules/kit/define.ts';
import { ask, type Records } from '../../modules/kit/reply.ts';
import { awaitServer, literal, psql, rowsOf, serverArgs } from './polardb-psql.ts';

interface Found {
  readonly systemIdentifier: string;
  /** Name → whether its WAL is kept. */
  readonly slots: ReadonlyMap<string, boolean>;
}

/** The identifier of the database in the first row, then the slots. */
const QUERY = `select system_identifier::text, null::bool from pg_control_system() union all select slot_name::text, restart_lsn is not null from pg_replication_slots where slot_type = 'physical'`;

export const polardbSlots = defineState({
  name: 'polardb_slots',
  summary: 'Keeps physical replication slots on the primary, their WAL reserved from the start.',
  examples: `
- name: Have one slot for each replica
  polardb_slots:
    names: [replica1, replica2]
    bin: /usr/local/polardb/bin
    socket: /run/polardb
    port: 5432
    user: polardb
`,
  args: Type.Object({
    names: A.list('Slots that shall exist. Others are left alone.', { default: [] }),
    absent: A.list('Slots that shall not exist.', { default: [] }),
    wait: A.int('Seconds to wait until the server takes connections.', { default: 120 }),
    ...serverArgs,
  }),
  returns: {
    slots: 'Names of the slots found before.',
    system_identifier: 'Of the database; empty where no server runs yet (check mode).',
  },

  *probe(args, ctx) {
    const script = `${awaitServer(args, ctx.checkMode ? 0 : args.wait)}\nbegin rows\n${psql(args, QUERY)}`;
    return parse(yield* ask(script, { timeout: args.wait + 90 }), ctx.checkMode);
  },

  diff({ slots: found, systemIdentifier }, args) {
    const missing = args.names.filter(name => !found.has(name));
    const unreserved = args.names.filter(name => found.get(name) === false);
    const surplus = args.absent.filter(name => found.has(name));
    return {
      changes: [
        ...missing.map(name => `create slot ${name}`),
        ...unreserved.map(name => `make slot ${name} anew, its WAL kept`),
        ...surplus.map(name => `drop slot ${name}`),
      ],
      result: { slots: [...found.keys()], system_identifier: systemIdentifier },
    };
  },

  *apply({ slots: found }, args) {
    const drop = [...args.absent, ...args.names.filter(name => found.get(name) === false)];
    const commands = [
      ...drop
        .filter(name => found.has(name))
        .map(name => `select pg_drop_replication_slot(${literal(name)})`),
      ...args.names
        .filter(name => !found.get(name))
        .map(name => `select pg_create_physical_replication_slot(${literal(name)}, true)`),
    ];
    yield* mustSh('replication slots', commands.map(command => psql(args, command)).join(' &&\n'));
    return {};
  },
});

/** In check mode a server that does not run yet has no slots; for real it must answer. */
function parse(reply: Records, checkMode: boolean): Found {
  if (reply.rc !== 0 && checkMode) return { systemIdentifier: '', slots: new Map() };
  if (reply.rc !== 0) {
    throw new ModuleError(`cannot read the replication slots: ${reply.stderr.trim()}`, { rc: reply.rc });
  }
  const [first = [], ...rows] = rowsOf(reply.bytes('rows'), 2);
  return {
    systemIdentifier: first[0] ?? '',
    slots: new Map(rows.map(([name = '', reserved]) => [name, reserved === 't'])),
  };
}
