/** Compiled templates by their text. Bounded: texts that a run makes up as it goes must not fill the memory. */
export class Cache<T> {
  private readonly entries = new Map<string, T>();
  private readonly limit: number;

  constructor(limit = 5000) {
    this.limit = limit;
  }

  get(key: string, make: () => T): T {
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.entries.size >= this.limit) this.entries.clear();
    this.entries.set(key, made);
    return made;
  }
}
