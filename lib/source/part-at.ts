/** One of the parts that a text was taken apart into; empty when it has fewer. */
export const partAt = (parts: readonly (string | undefined)[], at: number): string => parts[at] ?? '';
