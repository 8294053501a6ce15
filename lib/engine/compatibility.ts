import type { Value } from '../source/value.ts';

/** `ansible_version`: the release of ansible-core whose language this is, for playbooks that ask. */
export const COMPATIBLE_WITH: readonly (readonly [Value, Value])[] = [
  ['full', '2.16.0'],
  ['major', 2],
  ['minor', 16],
  ['revision', 0],
  ['string', '2.16.0'],
];
