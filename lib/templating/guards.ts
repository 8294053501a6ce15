import type { Fault } from './fault.ts';

const DEFINED_TEST = /(hostvars\[.+?\]|\w+)\s+(not\s+is|is|is\s+not)\s+(defined|undefined)/g;

/**
 * Ansible's rule for a condition that fails on an undefined name but also tests that name with `is defined`,
 * wherever it stands (`x.a == 1 and x is defined`): the test decides. Undefined when it does not apply.
 */
export function guardVerdict(error: Fault, condition: string): boolean | undefined {
  const name = error.undefinedName;
  if (name === undefined || name === '') return undefined;
  const quotes = (text: string) => text.replaceAll("'", '"');
  for (const [, tested = '', logic = '', state] of condition.matchAll(DEFINED_TEST)) {
    if (quotes(tested) !== quotes(name)) continue;
    const mustExist = logic.includes('not') !== (state === 'defined');
    return !mustExist;
  }
  return undefined;
}
