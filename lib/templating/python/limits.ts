import { fault } from '../fault.ts';

/** The longest text a template may make. */
const MAX_LENGTH = 64 * 1024 * 1024;
/** The longest list a template may make. */
const MAX_ITEMS = 5_000_000;

/** Refuses a text that would fill the memory. */
export function checkLength(length: number): void {
  if (length > MAX_LENGTH) throw fault('the text is too long');
}

/** Refuses a list that would fill the memory. */
export function checkItems(count: number): void {
  if (count > MAX_ITEMS) throw fault(`a list of ${count} items is too long`);
}
