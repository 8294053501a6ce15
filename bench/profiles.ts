import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { type Static, Type } from 'typebox';
import { parse } from 'yaml';
import { UsageError } from '../lib/source/errors.ts';
import { entryOf } from '../lib/source/record.ts';

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
    /** pgbench's scale: 100,000 accounts each, about 15 MB. */
    scale: Type.Integer({ minimum: 1, maximum: 100_000 }),
    /** Read-only load on every node before anything counts. */
    warmUpSeconds: Type.Integer({ minimum: 0, maximum: 3_600 }),
    repetitions: Type.Integer({ minimum: 1, maximum: 100 }),
    readOnly: Load,
    readWrite: Load,
    /** On how many nodes the read-only load runs at the same time; `all` stands for the whole cluster. */
    readOnlyNodes: Type.Array(Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('all')]), {
      minItems: 1,
    }),
    /** Share of transactions that are logged for the percentiles; below 1 where the log would grow large. */
    logSampling: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    /** Decides the order of the repetitions and pgbench's random numbers. */
    seed: Type.Integer(),
  },
  { additionalProperties: false },
);

export type Profile = Static<typeof ProfileSchema>;
export type Load = Static<typeof Load>;

/** `smoke` proves that everything works; `guide` has the loads of the PolarDB guide (scale 100, two minutes each). */
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
    logSampling: 0.1,
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
  if (validate(value)) return value;
  throw new UsageError(
    `--profile ${nameOrFile}: ${ajv.errorsText(validate.errors, { dataVar: 'profile', separator: '\n' })}`,
  );
}
