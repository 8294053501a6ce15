/** Work whose cost is measured at several sizes. */
export interface Case {
  readonly name: string;
  /** `MB`: what is measured is memory. */
  readonly unit?: 'MB';
  /** Milliseconds of one run, or its peak memory. */
  cost(size: number, directory: string): Promise<number>;
}

export async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
