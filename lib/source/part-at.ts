/** One of the parts that a text was taken apart into; empty when it has fewer. A negative number counts from the end. */
export const partAt = (parts: readonly (string | undefined)[], at: number): string => parts.at(at) ?? '';
