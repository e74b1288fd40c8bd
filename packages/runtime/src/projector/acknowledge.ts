import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EntryBatch } from '../ports/projections.ts';
import type { Entry } from '../ports/store.ts';

/** False: it was not acknowledged, and comes again, which does no harm. */
export const acknowledge = async (
  batch: Pick<EntryBatch<Entry>, 'ack'>,
  log: Log,
  reader: string,
): Promise<boolean> => {
  try {
    await batch.ack();
    return true;
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    log.debug({ reader, code: error.code }, 'a batch was not acknowledged; it comes again');
    return false;
  }
};
