/** Numbers, flags, and what stands before each field. */
const BESIDE_TEXTS = 60;

/** So many bytes one task takes in a message at most, apart from its record: a text has up to three for each of its units. */
export const sizeOf = (texts: readonly (string | undefined)[]): number =>
  texts.reduce((sum, text) => sum + 3 * (text?.length ?? 0), BESIDE_TEXTS);
