import type { MongoTaskViews } from '@baton/mongo';
import { BatonError, type Clock, type Log } from '@baton/runtime';
import type { Overlay } from './overlay.ts';

const LOOK_EVERY_MS = 1_000;
/** The projection usually has a version after this long. */
const SETTLED_MS = 1_500;
const READS = 4;
const READ_SIZE = 500;

export type Settler = { readonly stop: () => Promise<void> };

/** Takes out of the overlay what the projection has. One cheap read by id for many tasks, not one for each. */
export const startSettler = (
  overlay: Overlay,
  views: Pick<MongoTaskViews, 'versions'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Settler => {
  let isStopped = false;
  let timer: { readonly cancel: () => void } | undefined;
  let running: Promise<void> = Promise.resolve();

  const turn = async (): Promise<void> => {
    const before = clock.monotonic() - SETTLED_MS;
    const tasks = overlay.oldest(before, READS * READ_SIZE);
    for (let from = 0; from < tasks.length && !isStopped; from += READ_SIZE) {
      const ids = tasks.slice(from, from + READ_SIZE).map(({ id }) => id);
      for (const { _id, epoch, rev } of await views.versions(ids)) overlay.settle(_id, { epoch, revision: rev });
    }
  };

  const later = (): void => {
    timer = clock.after(LOOK_EVERY_MS, () => {
      running = turn()
        .catch((error: unknown) => {
          // Without MongoDB nothing is settled, and the overlay keeps what it can.
          if (!(error instanceof BatonError)) log.error({ err: error }, 'the overlay could not be compared');
        })
        .finally(() => {
          if (!isStopped) later();
        });
    });
  };
  later();

  return {
    stop: async () => {
      isStopped = true;
      timer?.cancel();
      await running;
    },
  };
};
