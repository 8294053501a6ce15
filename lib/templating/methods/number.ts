import { Float, type Value } from '../../source/value.ts';
import { makeFloat } from '../python/numbers.ts';
import { type Method, method } from './method.ts';

function toBigint(value: Value): bigint {
  return typeof value === 'bigint' ? value : BigInt(Number(value));
}

export const integerMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  [
    'bit_length',
    method([], (self: Value) => toBigint(self).toString(2).replace(/^-/, '').replace(/^0$/, '').length),
  ],
  ['conjugate', method([], (self: Value) => self)],
]);

function toNumber(value: Value): number {
  return value instanceof Float ? value.value : Number(value);
}

export const floatMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['is_integer', method([], (self: Value) => Number.isInteger(toNumber(self)))],
  ['conjugate', method([], (self: Value) => makeFloat(toNumber(self)))],
]);
