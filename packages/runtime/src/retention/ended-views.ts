/** What retention needs of the projection. Every method rejects with a BatonError while the database is away. */
export interface EndedViews {
  /** How many tasks have ended; with `before` (milliseconds, UTC) only those that ended earlier. */
  countEnded(before: number | undefined): Promise<number>;
  /** Up to `limit` of them, those that ended first. */
  ended(before: number | undefined, limit: number): Promise<readonly EndedTask[]>;
  /** Deletes the documents of these tasks, where they have ended. Resolves with how many there were. */
  forget(ids: readonly string[]): Promise<number>;
  /** Names of the objects that documents of these tasks refer to. */
  objectsOf(ids: readonly string[]): Promise<readonly string[]>;
  /** When this database was asked this first, milliseconds: what is older may have a document in another one. */
  since(now: number): Promise<number>;
  /** True for one of all who ask in `everyMs`, whatever process they are in. `now`: wall clock, milliseconds. */
  takeTurn(duty: string, everyMs: number, now: number): Promise<boolean>;
}

export type EndedTask = { readonly id: string; readonly objects: readonly string[] };
