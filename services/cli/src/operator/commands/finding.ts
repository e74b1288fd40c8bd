/** What a check of `baton doctor` has found. */
export type Finding = {
  readonly check: string;
  /** `fail`: something does not work. `warn`: it works, and will not for long, or not well. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly advice?: string;
};
