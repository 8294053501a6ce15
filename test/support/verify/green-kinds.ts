import type { Deployment } from '../../../lib/cluster/deployment.ts';
import type { RoleRecord } from '../../../lib/cluster/role-record.ts';
import type { Check } from '../../../verify/check.ts';
import { subjectsOf } from '../../../verify/subjects.ts';

/** The ways in which a check asks. */
export const ASK_KINDS = ['asks', 'diskAsks', 'storageAsks', 'primaryAsks', 'sql', 'primarySql'] as const;

/** The hosts that a check asks in such a way. */
export function askedBy(
  check: Pick<Check, 'on'>,
  kind: (typeof ASK_KINDS)[number],
  deployment: Deployment,
): readonly string[] {
  if (kind === 'storageAsks') return [deployment.storage.host];
  return kind.startsWith('primary') ? [deployment.primary.host] : subjectsOf(check.on, deployment);
}

/** What a green lab answered: by `check|kind|host|name` an exit code and the number of the text. */
export interface Recorded {
  readonly memory: number;
  readonly record: RoleRecord;
  readonly answers: Readonly<Record<string, readonly [number, number]>>;
  readonly texts: readonly string[];
}
