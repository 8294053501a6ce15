import type { Value } from '../../source/value.ts';
import type { Context } from '../context.ts';
import { fault } from '../fault.ts';
import { compare, equals, truthy } from '../python/compare.ts';
import { iterate } from '../python/iterate.ts';
import { type Named, NamedTuple } from '../python/objects.ts';
import { attributeGetter } from './attributes.ts';
import { type FilterTable, filter, needText } from './filter.ts';
import { folded } from './sequences.ts';

function map(value: Value, args: readonly Value[], named: Named, context: Context): Value {
  const attribute = named.get('attribute');
  if (args.length === 0 && attribute !== undefined) {
    const unknown = [...named.keys()].find(name => name !== 'attribute' && name !== 'default');
    if (unknown !== undefined) throw fault(`has no argument "${unknown}"`);
    return iterate(value).map(attributeGetter(attribute, named.get('default')));
  }
  const [name, ...rest] = args;
  if (name === undefined) throw fault('needs the name of a filter, or attribute=');
  const filterName = needText(name, 'the name of the filter');
  return iterate(value).map(item => context.applyFilter(filterName, item, rest, named));
}

/** Whether an item is kept: it passes the named test, or is true when there is none. */
function predicate(args: readonly Value[], named: Named, context: Context): (item: Value) => boolean {
  const [name, ...rest] = args;
  if (name === undefined) return item => truthy(item);
  const testName = needText(name, 'the name of the test');
  return item => context.applyTest(testName, item, rest, named);
}

function selection(keep: boolean) {
  return filter(['*args', '**named'], (value, [args, named], context) => {
    const passes = predicate(args, named, context);
    return iterate(value).filter(item => passes(item) === keep);
  });
}

function attributeSelection(keep: boolean) {
  return filter(['attribute', '*args', '**named'], (value, [attribute, args, named], context) => {
    const get = attributeGetter(attribute);
    const passes = predicate(args, named, context);
    return iterate(value).filter(item => passes(get(item)) === keep);
  });
}

function groupBy(value: Value, attribute: Value, other: Value | undefined, caseSensitive: boolean): Value {
  const get = attributeGetter(attribute, other);
  const key = (item: Value) => (caseSensitive ? get(item) : folded(get(item)));
  const keyed = iterate(value).map(item => ({ item, key: key(item) }));
  keyed.sort((a, b) => compare(a.key, b.key));
  const groups: { key: Value; shown: Value; items: Value[] }[] = [];
  for (const { item, key } of keyed) {
    const last = groups.at(-1);
    if (last && equals(last.key, key)) last.items.push(item);
    else groups.push({ key, shown: get(item), items: [item] });
  }
  return groups.map(({ shown, items }) => new NamedTuple(['grouper', 'list'], [shown, items]));
}

export const selectFilters: FilterTable = {
  map: filter(['*args', '**named'], (value, [args, named], context) => map(value, args, named, context)),
  select: selection(true),
  reject: selection(false),
  selectattr: attributeSelection(true),
  rejectattr: attributeSelection(false),
  groupby: filter(
    ['attribute', 'default?', 'case_sensitive?'],
    (value, [attribute, other, caseSensitive = false]) => {
      return groupBy(value, attribute, other === null ? undefined : other, truthy(caseSensitive));
    },
  ),
  groupby_as_dict: filter(['attribute'], (value, [attribute]) => {
    const get = attributeGetter(attribute);
    return new Map(iterate(value).map(item => [get(item), item] as const));
  }),
};
