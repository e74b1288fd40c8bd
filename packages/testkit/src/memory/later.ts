import type { Delayed, Later } from '@baton/runtime';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { call, writeResultOf } from './wire.ts';
import { WorkQueue } from './work-queue.ts';

/** The server's timers go in steps: how late it is, at most, milliseconds. */
const STEP_MS = 250;

/** What was given and not answered comes again after this long. */
const ACK_WAIT_MS = 12_000;

/** The schedules, one an address, and what is due. */
export class LaterState {
  readonly due: WorkQueue<Delayed>;
  private readonly around: Surroundings;
  private readonly schedules = new Map<string, { readonly cancel: () => void }>();
  private count = 0;

  constructor(around: Surroundings) {
    this.around = around;
    this.due = new WorkQueue(around, { name: 'later', ackWaitMs: ACK_WAIT_MS, labelOf: ({ address }) => address });
  }

  put(delayed: Delayed): number {
    const { address, runAt } = delayed;
    this.schedules.get(address)?.cancel();
    const waitMs = Math.max(0, runAt - this.around.clock.now()) + this.around.random.next() * STEP_MS;
    this.schedules.set(
      address,
      this.around.after(waitMs, () => {
        this.schedules.delete(address);
        // One message a subject: the newer one takes the place of one that waits.
        this.due.drop((other) => other.address === address);
        this.due.put(delayed);
      }),
    );
    return ++this.count;
  }
}

export const memoryLater = (around: Surroundings, process: Process, state: LaterState): Later => ({
  now: () => around.clock.now(),
  put: async (delayed) =>
    writeResultOf(await call(around, process, 'later.put', delayed.address, () => state.put(delayed))),
  open: (take, { most }) => state.due.open(process, ({ item, ack, again }) => take({ ...item, ack, again }), most),
});
