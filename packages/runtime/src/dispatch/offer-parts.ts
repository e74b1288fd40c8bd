import type { TaskOffer } from '@baton/core';
import type { Address } from '@baton/protocols';
import { sizeOf } from './message-size.ts';
import { MESSAGE_BYTES } from './timings.ts';

/** Offers in messages that are not too large. */
export function* partsOf(offers: readonly TaskOffer<Address>[]): Generator<readonly TaskOffer<Address>[]> {
  let part: TaskOffer<Address>[] = [];
  let bytes = 0;
  for (const offer of offers) {
    const size = sizeOf([offer.address]) + (offer.bytes?.length ?? 0);
    if (part.length > 0 && bytes + size > MESSAGE_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(offer);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
