/**
 * Who tells of a task: the supervisor that watches it, and for a moment two, while its partition goes from the one to the
 * other. What one of them does not tell any more counts as long as the other one does.
 */
export type Told = {
  /** '': nobody does now. */
  source: string;
  also: string | undefined;
};

export const tells = (told: Told, source: string): void => {
  told.also = otherThan(told, source);
  told.source = source;
};

/** Who tells of it beside `source`; undefined: nobody. */
export const otherThan = (told: Told | undefined, source: string): string | undefined => {
  if (told === undefined) return undefined;
  const other = told.source === source || told.source === '' ? told.also : told.source;
  return other === source ? undefined : other;
};

/** What `source` told of it does not count any more; true: nobody else has told it. */
export const leaves = (told: Told, source: string): boolean => {
  if (told.also === source) told.also = undefined;
  if (told.source !== source) return false;
  if (told.also === undefined) return true;
  told.source = told.also;
  told.also = undefined;
  return false;
};

/** Only `source` tells of it where it `is` his, and only others where it is not. */
export const isTold = ({ source: first, also }: Told, source: string, isHis: boolean): boolean =>
  isHis ? first === source && also === undefined : first !== source && also !== source;

/** Only what `source` told of it counts from now on; false: it has told nothing. */
export const isAlone = (told: Told, source: string): boolean => {
  if (told.source !== source && told.also !== source) return false;
  told.source = source;
  told.also = undefined;
  return true;
};
