import { Secret, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { itemsOf } from '../python/types.ts';
import { compareVersions } from '../versions/compare.ts';
import { lenientTest, type TestTable, test } from './test.ts';

type Kind = 'search' | 'match' | 'fullmatch';

type Flags = readonly (Value | undefined)[];

function matches(context: Context, value: Value, pattern: Value, flags: Flags, kind: Kind): boolean {
  const [ignoreCase = false, multiline = false] = flags;
  const regex = context.regex(str(pattern), { ignoreCase: truthy(ignoreCase), multiline: truthy(multiline) });
  const text = str(value);
  switch (kind) {
    case 'match':
      return regex.match(text) !== undefined;
    case 'fullmatch':
      return regex.fullMatch(text) !== undefined;
    case 'search':
      return regex.search(text) !== undefined;
  }
}

function regexTest(kind: Kind) {
  return test(['pattern?', 'ignorecase?', 'multiline?'], (value, [pattern = '', ...flags], context) => {
    return matches(context, value, pattern, flags, kind);
  });
}

const version = test(
  ['version', 'operator?', 'strict?', 'version_type?'],
  (value, [other, operator = 'eq', strict = null, type = null]) => {
    return compareVersions(str(value), str(other), { operator: str(operator), strict, type });
  },
);

interface UrlParts {
  readonly scheme: string;
  readonly netloc: string;
}

/** Scheme and host as Python's urlparse divides them; undefined for what it refuses. */
function urlParts(value: Value): UrlParts | undefined {
  if (typeof value !== 'string') return undefined;
  const [, scheme = '', netloc = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?/.exec(
    value.trim(),
  )!;
  if (netloc.includes('[') !== netloc.includes(']')) return undefined;
  return { scheme: scheme.toLowerCase(), netloc };
}

function hasScheme({ scheme }: UrlParts, schemes: Value | undefined): boolean {
  if (schemes === undefined || !truthy(schemes)) return true;
  return itemsOf(schemes)?.includes(scheme) ?? str(schemes).includes(scheme);
}

/** As in Ansible, a text without a scheme is a URI as well: a relative one. */
const uri = test(['schemes?'], (value, [schemes]) => {
  const parts = urlParts(value);
  return parts !== undefined && hasScheme(parts, schemes);
});

const url = test(['schemes?'], (value, [schemes]) => {
  const parts = urlParts(value);
  return parts !== undefined && hasScheme(parts, schemes) && (parts.netloc !== '' || parts.scheme === 'file');
});

export const textTests: TestTable = {
  match: regexTest('match'),
  search: regexTest('search'),
  regex: test(
    ['pattern?', 'ignorecase?', 'multiline?', 'match_type?'],
    (value, [pattern = '', ignoreCase, multiline, type = 'search'], context) => {
      const kind = type === 'match' || type === 'fullmatch' ? type : 'search';
      return matches(context, value, pattern, [ignoreCase, multiline], kind);
    },
  ),
  version,
  version_compare: version,
  vault_encrypted: lenientTest(
    [],
    value => value instanceof Secret || /^\$ANSIBLE_VAULT;/.test(asText(value)),
  ),
  uri,
  url,
  urn: test([], value => urlParts(value)?.scheme === 'urn'),
};

function asText(value: Value): string {
  return typeof value === 'string' ? value : '';
}
