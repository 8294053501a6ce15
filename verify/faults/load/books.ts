/** A row of the ledger, as a node has it. */
export interface LedgerRow {
  readonly seq: number;
  readonly nonce: string;
}

/** What the writing clients know: what they tried to write, and which of it was acknowledged. */
export interface Books {
  /** The nonce of each row that a client tried to write. */
  readonly attempted: ReadonlyMap<number, string>;
  readonly acknowledged: ReadonlySet<number>;
}

/** How the rows of a node differ from the books. A row that was tried and not acknowledged may be there or not. */
export interface Differences {
  /** Acknowledged, and not there. */
  readonly lost: readonly number[];
  /** There, with another content than the one that was written. */
  readonly wrong: readonly number[];
  /** There, and nobody wrote it. */
  readonly phantom: readonly number[];
  /** There more than once. */
  readonly duplicate: readonly number[];
}

/** Compares the rows of a node with what the clients wrote. */
export function compareRows({ attempted, acknowledged }: Books, rows: Iterable<LedgerRow>): Differences {
  const seen = new Set<number>();
  const wrong: number[] = [];
  const phantom: number[] = [];
  const duplicate: number[] = [];
  for (const { seq, nonce } of rows) {
    const written = attempted.get(seq);
    if (written === undefined) phantom.push(seq);
    else if (written !== nonce) wrong.push(seq);
    if (seen.has(seq)) duplicate.push(seq);
    seen.add(seq);
  }
  return { lost: [...acknowledged].filter(seq => !seen.has(seq)), wrong, phantom, duplicate };
}

const WORDS: Readonly<Record<keyof Differences, string>> = {
  lost: 'acknowledged and missing',
  wrong: 'with a content that nobody wrote',
  phantom: 'that nobody wrote',
  duplicate: 'more than once',
};

/** The differences in words; undefined where there are none. */
export function differencesText(differences: Differences): string | undefined {
  const parts = (Object.keys(WORDS) as (keyof Differences)[])
    .filter(kind => differences[kind].length > 0)
    .map(kind => {
      const rows = differences[kind];
      return `${rows.length} rows ${WORDS[kind]} (${rows.slice(0, 5).join(', ')}${rows.length > 5 ? ', …' : ''})`;
    });
  return parts.length === 0 ? undefined : parts.join('; ');
}
