import type { RoleRecord } from '../../lib/cluster/role-record.ts';

/** The ways in which a check asks. */
export const ASK_KINDS = ['asks', 'diskAsks', 'storageAsks', 'primaryAsks', 'sql', 'primarySql'] as const;

/** What a green lab answered: by `check|kind|host|name` an exit code and the number of the text. */
export interface Recorded {
  readonly memory: number;
  readonly record: RoleRecord;
  readonly answers: Readonly<Record<string, readonly [number, number]>>;
  readonly texts: readonly string[];
}
