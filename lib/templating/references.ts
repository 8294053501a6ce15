import type { Value } from '../source/value.ts';
import { PLAYBOOK_TEXT } from './compile/environment.ts';
import { globalNames } from './globals.ts';
import { parseBare, parseTemplate } from './syntax/statements.ts';
import type { Visitor } from './syntax/walk.ts';
import { walkBody, walkExpression } from './syntax/walk.ts';
import { isTemplate } from './templar.ts';

/** Names that a value's templates refer to and do not define themselves. */
export function referencedNames(value: Value, kind: 'template' | 'expression'): ReadonlySet<string> {
  const used = new Set<string>();
  const own = new Set<string>(['loop', 'varargs', 'kwargs', 'caller', 'super']);
  const visitor: Visitor = {
    expression: node => {
      if (node.kind === 'name') used.add(node.name);
    },
    target: target => {
      if (target.kind === 'name') own.add(target.name);
    },
  };
  visit(value, kind, visitor);
  for (const name of globalNames()) own.add(name);
  return new Set([...used].filter(name => !own.has(name)));
}

function visit(value: Value, kind: 'template' | 'expression', visitor: Visitor): void {
  if (typeof value === 'string') {
    if (kind === 'expression') walkExpression(parseBare({ text: value }, PLAYBOOK_TEXT), visitor);
    else if (isTemplate(value)) walkBody(parseTemplate({ text: value }, PLAYBOOK_TEXT), visitor);
  } else if (Array.isArray(value)) {
    for (const item of value) visit(item, kind, visitor);
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      visit(key, 'template', visitor);
      visit(item, kind, visitor);
    }
  }
}
