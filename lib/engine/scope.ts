import type { VarLayer } from '../inventory/types.ts';
import { SourceError } from '../source/errors.ts';
import { LazyMapping, mergedValue } from '../source/unsafe.ts';
import { type Dict, positionOf, Secret, Undefined, Unsafe, type Value } from '../source/value.ts';
import { isTemplate, type Templar, type Variables } from '../templating/templar.ts';

/** Variables of one source, and whether they are finished values or text still to be rendered. */
export interface ScopeLayer {
  readonly vars: Dict;
  /** Facts, registered results, loop items: never rendered again, even if they hold `{{`. */
  readonly final: boolean;
  /** The finished values that a template gave as text. */
  readonly texts?: ReadonlySet<string>;
}

/** A layer of text as an author wrote it. */
export const authored = (layer: VarLayer): ScopeLayer => ({ vars: layer.vars, final: false });

/** A layer of finished values. */
export const finished = (vars: Dict, texts?: ReadonlySet<string>): ScopeLayer => ({
  vars,
  final: true,
  ...(texts && { texts }),
});

/** Magic variables, made when they are asked for, such as `hostvars`. */
export type LazyVariables = ReadonlyMap<string, () => Value>;

/**
 * What one task on one host can see. Layers come highest precedence first; authored values are rendered when they
 * are first used, in this scope, and kept.
 */
export class Scope implements Variables {
  readonly #templar: Templar;
  readonly #layers: readonly ScopeLayer[];
  readonly #magic: LazyVariables;
  readonly #rendered = new Map<string, Value>();
  readonly #inProgress = new Set<string>();
  /** Names that were asked for, so that check mode can tell what a failed expression depended on. */
  readonly used: Set<string>;
  /** Mappings of one name are merged over all layers, as the setting `hash_behaviour: merge` wants it. */
  readonly #merges: boolean;
  /** Values of names that no layer has. */
  readonly #fallbacks: LazyVariables;

  constructor(
    templar: Templar,
    layers: readonly ScopeLayer[],
    magic: LazyVariables,
    {
      used = new Set<string>(),
      merges = false,
      fallbacks = new Map(),
    }: { used?: Set<string> | undefined; merges?: boolean; fallbacks?: LazyVariables } = {},
  ) {
    this.#templar = templar;
    this.#layers = layers;
    this.#magic = magic;
    this.used = used;
    this.#merges = merges;
    this.#fallbacks = fallbacks;
  }

  /** The same scope with more layers on top, highest first. */
  with(...layers: readonly ScopeLayer[]): Scope {
    return new Scope(this.#templar, [...layers, ...this.#layers], this.#magic, {
      used: this.used,
      merges: this.#merges,
      fallbacks: this.#fallbacks,
    });
  }

  has(name: string): boolean {
    return this.isGiven(name) || this.#fallbacks.has(name);
  }

  /** True for a name with a value other than its fallback. */
  isGiven(name: string): boolean {
    return this.isMagic(name) || this.#layers.some(layer => layer.vars.has(name));
  }

  isMagic(name: string): boolean {
    return this.#magic.has(name);
  }

  names(): Iterable<string> {
    return new Set([...this.givenNames(), ...this.#fallbacks.keys()]);
  }

  givenNames(): Iterable<string> {
    const seen = new Set<string>(this.#magic.keys());
    for (const layer of this.#layers) {
      for (const name of layer.vars.keys()) if (typeof name === 'string') seen.add(name);
    }
    return seen;
  }

  /** The layer that gives a name its value. */
  layerOf(name: string): ScopeLayer | undefined {
    return this.#layers.find(({ vars }) => vars.has(name));
  }

  isText(name: string): boolean {
    const layer = this.layerOf(name);
    if (!layer) return false;
    return layer.final ? layer.texts?.has(name) === true : isTemplate(layer.vars.get(name));
  }

  secretOf(name: string, keys: readonly Value[]): Secret | undefined {
    const written = keys.reduce(writtenBelow, this.written(name));
    return written instanceof Secret ? written : undefined;
  }

  /** The value of a name as its author wrote it. */
  written(name: string): Value | undefined {
    return this.isMagic(name) ? this.get(name) : this.layerOf(name)?.vars.get(name);
  }

  get(name: string): Value {
    this.used.add(name);
    const known = this.#rendered.get(name);
    if (known !== undefined) return known;
    const value = this.#resolve(name);
    if (!(value instanceof Undefined)) this.#rendered.set(name, value);
    return value;
  }

  /** Every name that a layer has, with its text as authored. */
  rawAll(): Dict {
    const all: Dict = new Map();
    for (const layer of [...this.#layers].reverse())
      for (const [name, value] of layer.vars) all.set(name, value);
    return all;
  }

  /** Forgets rendered values: something they used has changed. */
  refresh(): void {
    this.#rendered.clear();
  }

  #resolve(name: string): Value {
    const magic = this.#magic.get(name);
    if (magic) return magic();
    const found: Value[] = [];
    for (const layer of this.#layers) {
      const value = layer.vars.get(name);
      if (value === undefined) continue;
      found.push(
        (layer.final && !(value instanceof Secret)) || isConstant(value)
          ? value
          : this.#render(name, value, layer.vars),
      );
      if (!this.#merges || !(found.at(-1) instanceof Map)) break;
    }
    if (found.length > 0) return found.reduceRight((weak, strong) => mergedValue(weak, strong));
    return this.#fallbacks.get(name)?.() ?? new Undefined(name);
  }

  #render(name: string, value: Value, container: Dict): Value {
    if (this.#inProgress.has(name)) {
      const chain = [...this.#inProgress, name].join(' → ');
      throw new SourceError(
        'RECURSIVE_VARIABLE',
        `recursive loop in the variable "${name}": ${chain}`,
        positionOf(container, name),
      );
    }
    this.#inProgress.add(name);
    try {
      return this.#templar.render(value, this, positionOf(container, name));
    } catch (error) {
      const isUndefined = error instanceof SourceError && error.code === 'UNDEFINED_VARIABLE';
      throw isUndefined && typeof value === 'string' ? error.within(words => `${value}: ${words}`) : error;
    } finally {
      this.#inProgress.delete(name);
    }
  }
}

function writtenBelow(container: Value | undefined, key: Value): Value | undefined {
  if (container instanceof LazyMapping) return container.written(key);
  if (container instanceof Map) return container.get(key);
  return Array.isArray(container) && typeof key === 'number' ? container.at(key) : undefined;
}

/** True for a value that rendering would not change. */
function isConstant(value: Value): boolean {
  if (typeof value === 'string') return !isTemplate(value);
  return typeof value !== 'object' || value === null || value instanceof Unsafe;
}
