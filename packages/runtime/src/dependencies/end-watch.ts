import { backoffDelayMs } from '@baton/core';
import { parseAddress, type Address } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import { Fifo } from '../fifo.ts';
import type { Ports } from '../ports.ts';
import type { Chance, Clock, Subscription } from '../ports/environment.ts';
import { fatesOf, type Fate } from './find-ended.ts';

/** What is waited for is looked at again this long after the last look, and at once where the link is new. */
const LOOK_MS = 10_000;

/**
 * Looks that are begun in one turn, and at most so many at once: a takeover with many tasks that wait is no storm. With four
 * turns a second a round of more than 4,000 takes longer than ten seconds: of 100,000, four minutes.
 */
const LOOKS_A_TURN = 100;
const LOOKS_AT_ONCE = 32;

/** Ends are told at once of so many tasks that are waited for; of more of them they are found by looking. */
const HINTS_MOST = 20_000;

/** Between two looks, or writes, that came to nothing. */
export const AGAIN = { initialMs: 500, factor: 2, maxMs: 15_000, jitter: 0.5 };

/** A task that is told of others: of those it waits for, of its children, of its parent. */
export type Waiter = {
  readonly address: Address;
  readonly id: string;
  readonly targets: readonly { readonly id: string; readonly address: string }[];
};

export type EndWatchOptions<W> = {
  readonly ports: Pick<Ports, 'signals' | 'store' | 'link'>;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** What has become of what these are told of, of all at one address. False: something came to nothing, and is tried again. */
  readonly tell: (waiters: readonly W[], fates: ReadonlyMap<string, Fate>, target: Address) => Promise<boolean>;
};

/** An address at which something is waited for. */
type Awaited<W> = {
  readonly address: Address;
  readonly waiters: Map<Address, W>;
  tie: Subscription | undefined;
  /** Monotonic: when it is to be looked at next. */
  dueAt: number;
  failures: number;
  isQueued: boolean;
  isBusy: boolean;
  /** Somebody came, or something was told, since the look that is under way has begun. */
  isStale: boolean;
  isOver: boolean;
};

/**
 * Finds out what becomes of tasks, wherever they are and whoever ends them, for others in the same supervisor. Nobody tells it
 * reliably: it listens where ends are told to everybody who waits, at most once, and looks at what is stored when a task comes,
 * when the link is new, and every ten seconds, or as often as it gets round. So a message that is lost costs time and
 * nothing else.
 */
export class EndWatch<W extends Waiter> {
  private readonly options: EndWatchOptions<W>;
  private readonly waiters = new Map<Address, W>();
  /** By address; those that were looked at last stand last. */
  private readonly awaited = new Map<Address, Awaited<W>>();
  /** What is to be looked at now. */
  private readonly queue = new Fifo<Awaited<W>>();
  /** What nobody waits for any more, as it seems. */
  private readonly emptied: Awaited<W>[] = [];
  private readonly reconnects: Subscription;
  private looks = 0;
  private hints = 0;
  private stopped = false;

  constructor(options: EndWatchOptions<W>) {
    this.options = options;
    this.reconnects = options.ports.link.onReconnect(() => this.lookAnew());
  }

  /** Tasks that wait to be told. */
  get size(): number {
    return this.waiters.size;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  get(address: Address): W | undefined {
    return this.waiters.get(address);
  }

  /** In place of what was known of that address. */
  set(waiter: W): void {
    const known = this.waiters.get(waiter.address);
    if (known !== undefined) this.leave(known);
    if (this.stopped) return;
    this.waiters.set(waiter.address, waiter);
    for (const target of new Set(waiter.targets.map(({ address }) => address))) this.join(target, waiter, known);
  }

  remove(address: Address): void {
    const known = this.waiters.get(address);
    if (known !== undefined) this.leave(known);
  }

  /** Called often: begins what is due. */
  look(): void {
    for (const awaited of this.emptied.splice(0)) this.drop(awaited);
    if (this.awaited.size === 0 || !this.options.ports.link.connected) return;
    const now = this.options.clock.monotonic();
    let left = LOOKS_A_TURN;
    for (const awaited of this.awaited.values()) {
      if (left === 0) break;
      if (awaited.isBusy || awaited.isQueued || awaited.dueAt > now) continue;
      left--;
      this.enqueue(awaited);
    }
    this.pump();
  }

  stop(): void {
    this.stopped = true;
    this.reconnects.close();
    for (const { tie } of this.awaited.values()) tie?.close();
    this.awaited.clear();
    this.waiters.clear();
  }

  private join(target: string, waiter: W, former: W | undefined): void {
    const address = parseAddress(target);
    if (address === undefined) return;
    const known = this.awaited.get(address);
    if (known !== undefined) {
      known.waiters.set(waiter.address, waiter);
      // What it knew of before it was looked at then.
      if (former?.id !== waiter.id || !former.targets.some((one) => one.address === target)) this.hurry(known);
      return;
    }
    const made: Awaited<W> = {
      ...{ address, waiters: new Map([[waiter.address, waiter]]), tie: undefined },
      ...{
        dueAt: Number.POSITIVE_INFINITY,
        failures: 0,
        isQueued: false,
        isBusy: false,
        isStale: false,
        isOver: false,
      },
    };
    this.awaited.set(address, made);
    void this.listen(made);
  }

  /** What nobody waits for is dropped a moment later: mostly a newer version of who waited comes right away. */
  private leave(waiter: W): void {
    this.waiters.delete(waiter.address);
    for (const { address } of waiter.targets) {
      const awaited = this.awaited.get(address as Address);
      if (awaited?.waiters.get(waiter.address) !== waiter) continue;
      awaited.waiters.delete(waiter.address);
      if (awaited.waiters.size === 0) this.emptied.push(awaited);
    }
  }

  private drop(awaited: Awaited<W>): void {
    if (awaited.waiters.size > 0 || awaited.isOver) return;
    awaited.isOver = true;
    this.awaited.delete(awaited.address);
    if (awaited.tie === undefined) return;
    this.hints--;
    awaited.tie.close();
  }

  /** Whoever ends it tells all who listen; without that it is found a little later. */
  private async listen(awaited: Awaited<W>): Promise<void> {
    if (this.hints < HINTS_MOST) {
      this.hints++;
      try {
        const tie = await this.options.ports.signals.onRecord(awaited.address, () => this.hurry(awaited));
        if (awaited.isOver || this.stopped) tie.close();
        else awaited.tie = tie;
      } catch (error) {
        if (!(error instanceof BatonError)) throw error;
        this.options.log.debug(
          { err: error, address: awaited.address },
          'the end of a task is not told, and is looked for',
        );
      }
      if (awaited.tie === undefined) this.hints--;
    }
    // It may have ended before anybody listened.
    this.hurry(awaited);
  }

  private lookAnew(): void {
    for (const awaited of this.awaited.values()) awaited.dueAt = 0;
  }

  private hurry(awaited: Awaited<W>): void {
    if (awaited.isOver || this.stopped) return;
    if (awaited.isBusy) {
      awaited.isStale = true;
      return;
    }
    this.enqueue(awaited);
    this.pump();
  }

  private enqueue(awaited: Awaited<W>): void {
    if (awaited.isQueued) return;
    awaited.isQueued = true;
    this.queue.push(awaited);
  }

  private pump(): void {
    while (this.looks < LOOKS_AT_ONCE && !this.stopped) {
      const awaited = this.queue.take();
      if (awaited === undefined) return;
      awaited.isQueued = false;
      if (!awaited.isOver) void this.lookAt(awaited);
    }
  }

  /** Never rejects. */
  private async lookAt(awaited: Awaited<W>): Promise<void> {
    const { clock, chance, log } = this.options;
    awaited.isBusy = true;
    awaited.isStale = false;
    this.looks++;
    const isDone = await this.find(awaited).catch((error: unknown) => {
      const level = error instanceof BatonError ? 'debug' : 'error';
      log[level]({ err: error, address: awaited.address }, 'what is waited for could not be looked at; tried again');
      return false;
    });
    this.looks--;
    awaited.isBusy = false;
    awaited.failures = isDone ? 0 : awaited.failures + 1;
    const pauseMs = isDone ? LOOK_MS : backoffDelayMs(AGAIN, awaited.failures, chance.random());
    awaited.dueAt = clock.monotonic() + pauseMs;
    if (!awaited.isOver && !this.stopped) {
      // Behind those that have not been looked at for longer.
      this.awaited.delete(awaited.address);
      this.awaited.set(awaited.address, awaited);
      if (awaited.isStale) this.enqueue(awaited);
    }
    this.pump();
  }

  private async find({ address, waiters }: Awaited<W>): Promise<boolean> {
    const { kernel, ports, tell } = this.options;
    const asked = [...waiters.values()];
    const ids = new Set(
      asked.flatMap(({ targets }) => targets.filter((one) => one.address === address).map(({ id }) => id)),
    );
    return tell(asked, await fatesOf({ kernel, store: ports.store }, address, ids), address);
  }
}
