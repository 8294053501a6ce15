import { Secret, type Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { truthy } from '../python/compare.ts';
import { str } from '../python/print.ts';
import { compareVersions } from '../versions/compare.ts';
import { lenientTest, type TestTable, test } from './test.ts';

type Kind = 'search' | 'match';

function matches(
  context: Context,
  value: Value,
  pattern: Value,
  flags: readonly (Value | undefined)[],
  kind: Kind,
): boolean {
  const [ignoreCase = false, multiline = false] = flags;
  const source = kind === 'match' ? `\\A(?:${str(pattern)})` : str(pattern);
  const regex = context.regex(liftFlags(source), {
    ignoreCase: truthy(ignoreCase),
    multiline: truthy(multiline),
  });
  regex.lastIndex = 0;
  return regex.test(str(value));
}

/** Global flags such as `(?i)` must stay at the very front. */
function liftFlags(pattern: string): string {
  return pattern.replace(/^(\\A\(\?:)(\(\?[aimsux]+\))/, '$2$1');
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

const url = (pattern: RegExp) => test(['schemes?'], value => pattern.test(str(value)));

export const textTests: TestTable = {
  match: regexTest('match'),
  search: regexTest('search'),
  regex: test(
    ['pattern?', 'ignorecase?', 'multiline?', 'match_type?'],
    (value, [pattern = '', ignoreCase, multiline, type = 'search'], context) => {
      if (type === 'fullmatch')
        return matches(context, value, `\\A(?:${str(pattern)})\\Z`, [ignoreCase, multiline], 'search');
      return matches(context, value, pattern, [ignoreCase, multiline], type === 'match' ? 'match' : 'search');
    },
  ),
  version,
  version_compare: version,
  vault_encrypted: lenientTest(
    [],
    value => value instanceof Secret || /^\$ANSIBLE_VAULT;/.test(asText(value)),
  ),
  uri: url(/^[A-Za-z][\w+.-]*:\S+$/),
  url: url(/^[A-Za-z][\w+.-]*:\/\/\S+$/),
  urn: url(/^urn:\S+:\S+$/i),
};

function asText(value: Value): string {
  return typeof value === 'string' ? value : '';
}
