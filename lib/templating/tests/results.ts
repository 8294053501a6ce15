import type { Dict, Value } from '../../source/value.ts';
import { fault } from '../fault.ts';
import { equals, truthy } from '../python/compare.ts';
import { typeName } from '../python/types.ts';
import { type TestTable, test } from './test.ts';

/** A test on what `register` keeps of a task. */
function resultTest(body: (result: Dict) => boolean) {
  return test([], (value: Value) => {
    if (value instanceof Map) return body(value);
    throw fault(`needs the registered result of a task, not ${typeName(value)}`);
  });
}

function flag(result: Dict, name: string): boolean {
  return truthy(result.get(name) ?? false);
}

function hasChanged(result: Dict): boolean {
  if (result.has('changed')) return flag(result, 'changed');
  const results = result.get('results');
  return Array.isArray(results) && results.some(item => item instanceof Map && flag(item, 'changed'));
}

/** Async results say 0 or 1; a task that was not async has always started and finished. */
function reached(result: Dict, name: string): boolean {
  const value = result.get(name);
  return value === undefined || equals(value, 1);
}

const failed = resultTest(result => flag(result, 'failed'));
const succeeded = resultTest(result => !flag(result, 'failed'));
const changed = resultTest(hasChanged);
const skipped = resultTest(result => flag(result, 'skipped'));

export const resultTests: TestTable = {
  failed,
  failure: failed,
  succeeded,
  success: succeeded,
  successful: succeeded,
  changed,
  change: changed,
  skipped,
  skip: skipped,
  unreachable: resultTest(result => flag(result, 'unreachable')),
  reachable: resultTest(result => !flag(result, 'unreachable')),
  started: resultTest(result => reached(result, 'started')),
  finished: resultTest(result => reached(result, 'finished')),
};
