/** A sentence about each name, and an expression that shows it; none where its value is not the same everywhere. */
export type Entries = Readonly<Record<string, readonly [summary: string, example: string | undefined]>>;
