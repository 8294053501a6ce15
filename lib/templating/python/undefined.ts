import type { SourceError } from '../../source/errors.ts';
import { Undefined, type Value } from '../../source/value.ts';
import { Fault, type Site } from '../fault.ts';

/** What an error message adds to "x is undefined". */
export interface Explanation {
  readonly reason?: string | undefined;
  readonly hint?: string | undefined;
}

interface Origin {
  readonly site?: Site | undefined;
  /** Asked only when the value is used, since most undefined values meet `default` or `is defined`. */
  readonly explain?: (() => Explanation) | undefined;
  /** The variable exists, but rendering it met this undefined one. */
  readonly cause?: SourceError | undefined;
}

/** An undefined value that knows where in a template it came up. */
export class Missing extends Undefined {
  readonly origin: Origin;
  constructor(name: string, origin: Origin = {}) {
    super(name);
    this.origin = origin;
  }
}

/** What an inline `if` without `else` leaves when it is false: as good as empty, but still not defined. */
export class LenientUndefined extends Missing {}

/** The value if there is one, otherwise another. Not `??`: None is a value. */
export function orElse(value: Value | undefined, other: () => Value): Value {
  return value === undefined ? other() : value;
}

/** Undefined for a known reason. */
export function missing(name: string, reason: string, site?: Site): Missing {
  return new Missing(name, { site, explain: () => ({ reason }) });
}

/** The error for using an undefined value. */
export function undefinedFault(value: Undefined): Error {
  const origin = value instanceof Missing ? value.origin : {};
  if (origin.cause) return origin.cause;
  const { reason = value.reason, hint } = origin.explain?.() ?? {};
  // The words are Ansible's: playbooks look for them in messages.
  const what = value.name === '' ? 'the value' : `'${value.name}'`;
  const message = `${what} is undefined${reason ? `: ${reason}` : ''}`;
  const words = reason ?? message;
  return new Fault('UNDEFINED_VARIABLE', message, {
    site: origin.site,
    hint,
    undefinedName: value.name,
    words,
  });
}

/** Refuses an undefined value, anywhere else than in `default` and `is defined`. */
export function defined<T extends Value>(value: T): Exclude<T, Undefined> {
  if (value instanceof Undefined) throw undefinedFault(value);
  return value as Exclude<T, Undefined>;
}
