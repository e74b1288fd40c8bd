import { PROJECTIONS } from '@baton/protocols';
import type { Clock } from '../ports/environment.ts';
import { foreign, takeIn } from './intake.ts';
import { newestOf, type Sink } from './sink.ts';
import type { Writer } from './writer.ts';

/** One document a task in the views, whichever of its versions was read. */
export const documentsSink = (
  writer: Writer,
  { epoch, clock }: { readonly epoch: number; readonly clock: Clock },
): Sink => ({
  name: PROJECTIONS.documents,
  write: async ({ entries, unreadable }) => {
    const now = clock.now();
    const { found, aside } = takeIn(newestOf(entries), { epoch, now });
    await writer.write(found);
    await writer.putAside([...aside, ...unreadable.map((message) => foreign(message, now))]);
  },
});
