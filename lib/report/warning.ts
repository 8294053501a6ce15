import { visible } from '../source/visible.ts';

/** A warning as people know it from Ansible. */
export const warningText = (message: string): string => `[WARNING]: ${message}`;

/** Warns on standard error of what no report of a run tells. */
export function printWarning(message: string): void {
  process.stderr.write(`${warningText(visible(message))}\n`);
}
