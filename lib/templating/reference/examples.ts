import { jsonText } from '../../source/json.ts';
import { toPlain, Undefined } from '../../source/value.ts';
import { createTemplar, type Variables } from '../index.ts';

const NOTHING: Variables = { get: name => new Undefined(name), has: () => false, names: () => [] };

/** What an example's expression gives, as JSON: the page says what is so, since it is worked out. */
export function valueOfExample(expression: string): string {
  const templar = createTemplar({
    searchPath: () => [],
    readFile: () => Buffer.from(''),
    decrypt: text => text,
    env: {},
  });
  return jsonText(toPlain(templar.evaluate(expression, NOTHING)), 0) ?? 'null';
}
