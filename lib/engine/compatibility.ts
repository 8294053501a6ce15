import type { Dict, Value } from '../source/value.ts';

/** The release of ansible-core whose language this is, for playbooks that ask; the setting `ansible_version` names another. */
export const COMPATIBLE_WITH = '2.18.6';

/** A release such as `2.18.6` as the variable `ansible_version`. */
export function versionValue(release: string): Dict {
  const [major = 0, minor = 0, revision = 0] = release.split('.').map(Number);
  return new Map<Value, Value>([
    ['full', release],
    ['major', major],
    ['minor', minor],
    ['revision', revision],
    ['string', release],
  ]);
}
