import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { type Static, Type } from 'typebox';
import { parse } from 'yaml';
import { UsageError } from '../../../lib/source/errors.ts';
import { oneOf } from '../../../lib/source/flags.ts';
import { entryOf } from '../../../lib/source/record.ts';

const Load = Type.Object(
  {
    clients: Type.Integer({ minimum: 1, maximum: 10_000 }),
    threads: Type.Integer({ minimum: 1, maximum: 1_000 }),
    seconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
  },
  { additionalProperties: false },
);

/** How much is measured. A profile of one's own is a YAML or JSON file with these keys. */
export const ProfileSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, pattern: '^[\\w.-]+$' }),
    scale: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: "pgbench's scale: 100,000 accounts each, about 15 MB.",
    }),
    warmUpSeconds: Type.Integer({
      minimum: 0,
      maximum: 3_600,
      description: 'Read-only load on every node before anything counts.',
    }),
    repetitions: Type.Integer({ minimum: 1, maximum: 100 }),
    readOnly: Load,
    readWrite: Load,
    /**
     * On how many nodes the read-only load runs at the same time; `all` stands for the whole cluster, `each` for 1, 2, 3 and
     * so on up to all.
     */
    readOnlyNodes: Type.Array(
      Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('all'), Type.Literal('each')]),
      { minItems: 1 },
    ),
    /**
     * Which loads write; `mixed` is read-write on the primary while the replicas read, `balanced` writes through the port of
     * a balancer for writes while as many clients read through the one for reads, all from the primary's host.
     */
    writes: Type.Optional(
      Type.Array(
        Type.Union([
          Type.Literal('read-write'),
          Type.Literal('simple-update'),
          Type.Literal('mixed'),
          Type.Literal('balanced'),
        ]),
      ),
    ),
    /**
     * Where the load comes from: each node puts it on itself (`nodes`), this machine does (`control`), or the hosts of the
     * inventory's group `clients` together, over the network. All begin at the same time, by a clock of their own.
     */
    from: Type.Optional(
      Type.Union([Type.Literal('nodes'), Type.Literal('control'), Type.Literal('clients')]),
    ),
    /** The read-write load twice in each repetition (an A/A pair): what the two differ by is the night's own noise. */
    aaPair: Type.Optional(Type.Boolean()),
    /** A read-write load at this share of the night's own rate, for latencies that count the waiting of a stall. */
    pacedShare: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    /**
     * A read-write load on the primary with so many clients each, for the picture of clients against throughput and latency.
     * It is not a part of the trend.
     */
    sweep: Type.Optional(
      Type.Object(
        {
          clients: Type.Array(Type.Integer({ minimum: 1, maximum: 10_000 }), {
            minItems: 2,
            uniqueItems: true,
          }),
          seconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
        },
        { additionalProperties: false },
      ),
    ),
    /** How long fio reads and writes a scratch file beside the database's disk, each test; 0 leaves it out. */
    storageSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600 })),
    /**
     * Share of transactions that are logged for the percentiles. Below 1 the report has no slowest transaction; a node
     * without room for the whole log logs less by itself.
     */
    logSampling: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    /**
     * One line of the log for so many seconds instead of one for each transaction, where the log would be a load of its own:
     * the report then has the mean and the slowest transaction, and no percentiles.
     */
    aggregateSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
    seed: Type.Integer({ description: "Decides the order of the repetitions and pgbench's random numbers." }),
  },
  { additionalProperties: false },
);

export type Profile = Static<typeof ProfileSchema>;
export type Load = Static<typeof Load>;

/**
 * `smoke` proves that everything works; `guide` has the loads of the PolarDB guide (scale 100, two minutes each); `nightly`
 * repeats short measurements in random order, about half an hour with three nodes; `balanced` compares the way through a
 * balancer with the direct one.
 */
export const PROFILES: Readonly<Record<string, Profile>> = {
  smoke: {
    name: 'smoke',
    scale: 5,
    warmUpSeconds: 1,
    repetitions: 1,
    readOnly: { clients: 4, threads: 2, seconds: 5 },
    readWrite: { clients: 4, threads: 2, seconds: 5 },
    readOnlyNodes: [1, 'all'],
    logSampling: 1,
    seed: 1,
  },
  guide: {
    name: 'guide',
    scale: 100,
    warmUpSeconds: 10,
    repetitions: 1,
    readOnly: { clients: 32, threads: 32, seconds: 120 },
    readWrite: { clients: 8, threads: 8, seconds: 120 },
    readOnlyNodes: [1, 'all'],
    logSampling: 1,
    seed: 1,
  },
  balanced: {
    name: 'balanced',
    scale: 20,
    warmUpSeconds: 5,
    repetitions: 3,
    readOnly: { clients: 8, threads: 4, seconds: 20 },
    readWrite: { clients: 8, threads: 4, seconds: 20 },
    readOnlyNodes: [1],
    writes: ['read-write', 'balanced'],
    logSampling: 1,
    seed: 1,
  },
  nightly: {
    name: 'nightly',
    scale: 100,
    warmUpSeconds: 30,
    repetitions: 5,
    readOnly: { clients: 16, threads: 8, seconds: 30 },
    readWrite: { clients: 16, threads: 8, seconds: 60 },
    readOnlyNodes: ['each'],
    writes: ['read-write', 'simple-update', 'mixed'],
    pacedShare: 0.7,
    sweep: { clients: [1, 2, 4, 8, 16, 32, 64], seconds: 15 },
    storageSeconds: 10,
    logSampling: 1,
    seed: 1,
  },
};

/** A profile by its name, or from a file. */
export function loadProfile(nameOrFile: string): Profile {
  const known = entryOf(PROFILES, nameOrFile);
  if (known) return known;
  let value: unknown;
  try {
    value = parse(readFileSync(nameOrFile, 'utf8'));
  } catch (error) {
    const names = Object.keys(PROFILES).join(', ');
    throw new UsageError(
      `--profile ${nameOrFile}: neither a profile (${names}) nor a readable file: ${(error as Error).message}`,
    );
  }
  const ajv = new Ajv({ allErrors: true, strict: true });
  const validate = ajv.compile<Profile>(ProfileSchema);
  if (validate(value)) {
    requireWholeIntervals(value);
    return value;
  }
  throw new UsageError(
    `--profile ${nameOrFile}: ${ajv.errorsText(validate.errors, { dataVar: 'profile', separator: '\n' })}`,
  );
}

/** pgbench takes no load that ends within an interval of its log. */
function requireWholeIntervals({ aggregateSeconds, readOnly, readWrite, sweep }: Profile): void {
  if (aggregateSeconds === undefined) return;
  for (const { seconds } of [readOnly, readWrite, ...(sweep ? [sweep] : [])])
    if (seconds % aggregateSeconds !== 0)
      throw new UsageError(
        `aggregateSeconds is ${aggregateSeconds}, and a load of ${seconds} s does not divide into such intervals`,
        5,
      );
}

/** The profile with its load from elsewhere. */
export function withSource(profile: Profile, from: string | undefined): Profile {
  if (from === undefined) return profile;
  const source = oneOf('from', ['nodes', 'control', 'clients'], from);
  const { from: _, ...rest } = profile;
  // Said or not, it is the same load.
  return source === 'nodes' ? rest : { ...rest, from: source };
}
