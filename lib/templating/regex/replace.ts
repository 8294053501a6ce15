import { fault } from '../fault.ts';
import { resolveEscapes } from '../syntax/escapes.ts';

const PART = /\\(?:g<([^>]*)>|(0[0-7]{0,2})|([1-9]\d?)|([\s\S]))/g;

/** Replaces what a pattern matches; the replacement refers to groups as `\1`, `\g<1>` and `\g<name>`. */
export function substitute(pattern: RegExp, replacement: string, text: string, limit = 0): string {
  const expand = compileReplacement(replacement);
  let count = 0;
  return text.replace(pattern, (...args) => {
    const whole = args[0] as string;
    if (limit > 0 && count++ >= limit) return whole;
    const last = args.at(-1) as unknown;
    const named =
      typeof last === 'object' && last !== null ? (last as Record<string, string | undefined>) : {};
    const groups = args.slice(
      0,
      args.findIndex(arg => typeof arg === 'number'),
    ) as (string | undefined)[];
    return expand(groups, named);
  });
}

type Expand = (
  groups: readonly (string | undefined)[],
  named: Readonly<Record<string, string | undefined>>,
) => string;

function compileReplacement(replacement: string): Expand {
  if (!replacement.includes('\\')) return () => replacement;
  return (groups, named) => {
    const group = (reference: string) => {
      const isNumber = /^\d+$/.test(reference);
      const isKnown = isNumber ? Number(reference) < groups.length : Object.hasOwn(named, reference);
      if (!isKnown)
        throw fault(`the replacement refers to the group ${reference}, which the pattern does not have`);
      return (isNumber ? groups[Number(reference)] : named[reference]) ?? '';
    };
    return replacement.replace(PART, (whole, name, octal, number, other: string) => {
      if (name !== undefined) return group(name);
      if (number !== undefined) return group(number);
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (/[abfnrtv\\]/.test(other)) return resolveEscapes(whole);
      if (/[a-zA-Z]/.test(other)) throw fault(`the escape \\${other} has no meaning in a replacement`);
      return whole;
    });
  };
}
