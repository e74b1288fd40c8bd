import { isOwnedUnder, isTerminal, type Fence } from '@baton/core';
import type { Address } from '@baton/protocols';
import { UnreadableRecordError } from '../errors.ts';
import type { Asked, Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';

/** What came of a claim. `unknown`: it cannot be found out now; `settle` goes on until it is. */
export type Claimed =
  | { readonly kind: 'mine'; readonly held: Held }
  | { readonly kind: 'not_mine' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unknown' };

type Settings = {
  readonly ports: Pick<Ports, 'clock' | 'store'>;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly worker: string;
  /** Fence of the run that owns the address in this process. */
  readonly fenceAt: (address: Address) => Fence | undefined;
};

/** Pause between two looks at a claim whose answer was lost. */
const SETTLE_MS = 500;

/** Claims tasks for one process. */
export class Claims {
  private readonly settings: Settings;
  private closed = false;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Nothing is settled any more. */
  close(): void {
    this.closed = true;
  }

  /** Decides a claim; settles one whose answer was lost as far as it can be settled now. */
  async claim(address: Address, from: Held | undefined, dispatched: number): Promise<Claimed> {
    const { kernel, ports, worker } = this.settings;
    const asked = await kernel.ask(
      address,
      (held) => ({
        kind: 'claim',
        at: ports.clock.now(),
        id: held?.record.id ?? '',
        worker,
        epoch: ports.store.epoch,
        revision: held?.revision ?? 0,
        dispatched,
      }),
      from === undefined ? {} : { from },
    );
    return this.judge(address, asked);
  }

  /** Looks until it is known whether a claim without an answer was carried out. */
  async settle(address: Address): Promise<Claimed> {
    const { kernel, ports, log } = this.settings;
    while (!this.closed) {
      await new Promise<void>((resolve) => {
        ports.clock.after(SETTLE_MS, resolve);
      });
      try {
        const held = await kernel.load(address);
        return this.isUnrun(address, held) ? { kind: 'mine', held } : { kind: 'not_mine' };
      } catch (error) {
        log.debug({ err: error, address }, 'a claim without an answer cannot be looked at yet');
      }
    }
    return { kind: 'not_mine' };
  }

  private judge(address: Address, asked: Asked): Claimed {
    switch (asked.kind) {
      case 'done':
        return { kind: 'mine', held: { record: asked.record, revision: asked.revision } };
      case 'refused':
        return this.isUnrun(address, asked.held) ? { kind: 'mine', held: asked.held } : { kind: 'not_mine' };
      case 'failed':
        // What stands there is not for this program. Handed back, the dispatch would only come again at once.
        if (asked.cause instanceof UnreadableRecordError) {
          this.settings.log.warn({ err: asked.cause, address }, 'a record cannot be read and its task is left alone');
          return { kind: 'not_mine' };
        }
        return { kind: 'failed' };
      case 'unknown':
        return { kind: 'unknown' };
    }
  }

  /** The record says this process runs it, and it does not: a claim of ours whose answer was lost. */
  private isUnrun(address: Address, held: Held | undefined): held is Held {
    const { worker, fenceAt } = this.settings;
    if (held === undefined || isTerminal(held.record.status) || held.record.owner?.worker !== worker) return false;
    const fence = fenceAt(address);
    return fence === undefined || !isOwnedUnder(held.record, fence);
  }
}
