import type { Fields, Kind } from './kind.ts';
import { above0, amount, listOf, mapOf, oneOf, where } from './kinds.ts';

/** How many run at once, or start in a time: of what, and by whom, is in the fields beside it. */
export const limitWhere = (required: Fields, optional: Fields = {}): Kind =>
  where(
    mapOf(required, {
      concurrency: above0,
      whenFull: oneOf('cancel_newest', 'cancel_running'),
      rate: mapOf({ units: above0, windowMs: amount }),
      ...optional,
    }),
    (value) => typeof value === 'object' && value !== null && ('concurrency' in value || 'rate' in value),
    { anyOf: [{ required: ['concurrency'] }, { required: ['rate'] }] },
  );

/** What a definition says of its type, in the definition and in the settings of its queue. */
export const typeLimits: Kind = listOf(limitWhere({ of: oneOf('type', 'group', 'key') }));
