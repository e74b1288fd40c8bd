import type { BatonError } from '../errors.ts';

/** The server was away, or too much was going on, or a newer program may take it. */
const PASSING = new Set([
  'NOT_CONNECTED',
  'STORE_TIMEOUT',
  'STORE_BUSY',
  'STORE_CONTENDED',
  'STORE_MISSING',
  'STORE_REFUSED',
  'EPOCH_CHANGED',
  'RECORD_NEWER',
]);

/** Whether the same may come to something later: nothing is wrong with what was asked for. */
export const isPassing = ({ code }: Pick<BatonError, 'code'>): boolean => PASSING.has(code);
