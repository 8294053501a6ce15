/** Nothing was measured, and the cluster was left as it was. */
export class CannotMeasure extends Error {
  override readonly name = 'CannotMeasure';
}
