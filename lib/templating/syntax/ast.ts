import type { Value } from '../../source/value.ts';
import type { Site } from '../fault.ts';

/** Arguments of a call, filter or test. */
export interface Args {
  readonly positional: readonly Expr[];
  readonly named: readonly (readonly [string, Expr])[];
  readonly star: Expr | undefined;
  readonly doubleStar: Expr | undefined;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export type Expr = (
  | { readonly kind: 'const'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Expr[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expr, Expr])[] }
  | { readonly kind: 'attribute'; readonly object: Expr; readonly name: string }
  | { readonly kind: 'item'; readonly object: Expr; readonly index: Expr }
  | { readonly kind: 'slice'; readonly object: Expr; readonly parts: readonly (Expr | undefined)[] }
  | { readonly kind: 'unary'; readonly operator: '+' | '-'; readonly operand: Expr }
  | { readonly kind: 'not'; readonly operand: Expr }
  | { readonly kind: 'and' | 'or'; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'concat'; readonly items: readonly Expr[] }
  | {
      readonly kind: 'compare';
      readonly first: Expr;
      readonly rest: readonly { readonly operator: CompareOperator; readonly operand: Expr }[];
    }
  | {
      readonly kind: 'choice';
      readonly test: Expr;
      readonly chosen: Expr;
      readonly otherwise: Expr | undefined;
    }
  | { readonly kind: 'filter'; readonly name: string; readonly object: Expr; readonly args: Args }
  | { readonly kind: 'test'; readonly name: string; readonly object: Expr; readonly args: Args }
  | { readonly kind: 'call'; readonly callee: Expr; readonly args: Args }
) & { readonly site: Site };

export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'attribute'; readonly object: string; readonly name: string; readonly site: Site }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] };

export interface Parameters {
  readonly names: readonly string[];
  /** Defaults of the last parameters, aligned with `names`. */
  readonly defaults: readonly (Expr | undefined)[];
}

/** A filter applied to the text of a block: `{% filter upper %}`, `{% set x | trim %}`. */
export interface BlockFilter {
  readonly name: string;
  readonly args: Args;
  readonly site: Site;
}

export type Statement = (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expr }
  | { readonly kind: 'if'; readonly test: Expr; readonly body: Body; readonly otherwise: Body }
  | {
      readonly kind: 'for';
      readonly target: Target;
      readonly iterable: Expr;
      readonly test: Expr | undefined;
      readonly recursive: boolean;
      readonly body: Body;
      readonly otherwise: Body;
    }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expr }
  | {
      readonly kind: 'capture';
      readonly target: Target;
      readonly filters: readonly BlockFilter[];
      readonly body: Body;
    }
  | { readonly kind: 'macro'; readonly name: string; readonly parameters: Parameters; readonly body: Body }
  | { readonly kind: 'callBlock'; readonly call: Expr; readonly parameters: Parameters; readonly body: Body }
  | { readonly kind: 'filterBlock'; readonly filters: readonly BlockFilter[]; readonly body: Body }
  | { readonly kind: 'with'; readonly bindings: readonly (readonly [Target, Expr])[]; readonly body: Body }
  | {
      readonly kind: 'include';
      readonly template: Expr;
      readonly ignoreMissing: boolean;
      readonly withContext: boolean;
    }
  | { readonly kind: 'import'; readonly template: Expr; readonly as: string; readonly withContext: boolean }
  | {
      readonly kind: 'from';
      readonly template: Expr;
      readonly names: readonly (readonly [string, string])[];
      readonly withContext: boolean;
    }
  | { readonly kind: 'do'; readonly value: Expr }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'block'; readonly name: string; readonly body: Body }
  | { readonly kind: 'extends'; readonly template: Expr }
) & { readonly site: Site };

export type Body = readonly Statement[];
