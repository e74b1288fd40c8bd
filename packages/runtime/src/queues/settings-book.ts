import type { QueueSettings } from '@baton/core';
import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import { openWatch } from '../open-watch.ts';
import type { Clock, Subscription } from '../ports/environment.ts';
import type { QueueSettingsPort } from '../ports/queue-settings.ts';

/** After a watch that could not be opened, or ended: no other one before. */
const PAUSE_MS = 500;

export type SettingsBookParts = {
  readonly queues: Pick<QueueSettingsPort, 'follow'>;
  readonly clock: Clock;
  readonly log: Log;
  /** What is set for these queues is other than it was, or known now and not before; undefined: any may be. */
  readonly changed: (queues: ReadonlySet<string> | undefined) => void;
};

/** What stands there for one queue. */
export type Kept = { readonly settings: QueueSettings; readonly revision: number } | 'unreadable';

/**
 * What is set for queues, as one process knows it. It is followed from the start to the end: who starts tasks has to know
 * of a pause before he starts one, so while it is not up to date that is said (`isCurrent`).
 */
export class SettingsBook {
  private readonly parts: SettingsBookParts;
  private known = new Map<string, Kept>();
  private watch: Subscription | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private current = false;
  private closed = false;

  constructor(parts: SettingsBookParts) {
    this.parts = parts;
  }

  /** False: something may have been set that is not known here. */
  get isCurrent(): boolean {
    return this.current;
  }

  of(queue: string): Kept | undefined {
    return this.known.get(queue);
  }

  all(): ReadonlyMap<string, Kept> {
    return this.known;
  }

  start(): void {
    this.open();
  }

  stop(): void {
    this.closed = true;
    this.timer?.cancel();
    this.watch?.close();
  }

  private open(): void {
    const { queues, clock, log, changed } = this.parts;
    const found = new Map<string, Kept>();
    let isKnown = false;
    const note = (queue: string, kept: Kept | undefined): void => {
      if (kept === undefined) found.delete(queue);
      else found.set(queue, kept);
      if (isKnown && !this.closed) changed(new Set([queue]));
    };
    const caughtUp = (): void => {
      isKnown = true;
      this.known = found;
      this.current = true;
      changed(undefined);
    };
    const lost = (cause: BatonError): void => {
      this.current = false;
      log.debug({ err: cause }, 'what is set for queues is not watched now');
      this.timer = clock.after(PAUSE_MS, () => this.open());
    };
    this.watch = openWatch(
      (listener) =>
        queues.follow({
          kept: (settings, revision) => note(settings.queue, { settings, revision }),
          gone: (queue) => note(queue, undefined),
          unreadable: (queue, reason) => {
            log.error(
              { queue, reason },
              'what is set for a queue cannot be read: nothing starts in it; upgrade this program, or take it away',
            );
            note(queue, 'unreadable');
          },
          ...listener,
        }),
      { caughtUp, lost },
      (cause) => new BatonError('SETTINGS_UNREADABLE', String(cause), { cause }),
    );
  }
}
