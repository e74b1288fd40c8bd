import { compareFences, isTerminal, type Fence, type WorkerCommand } from '@baton/core';
import type { Address } from '@baton/protocols';
import { UnreadableRecordError } from '../errors.ts';
import type { Asked, Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import { RunSpan } from '../trace/run-span.ts';

type ClaimCommand = Extract<WorkerCommand, { kind: 'claim' }>;

/** Filled field by field: every task is claimed, and a spread costs twenty times as much. */
type ClaimDraft = { -readonly [K in keyof ClaimCommand]: ClaimCommand[K] };

/** What came of a claim. `unknown`: it cannot be found out now; `settle` goes on until it is. */
export type Claimed =
  /** A body is to be started for it, by whoever is told this and by nobody else; then `ended` is called. */
  | ({ readonly kind: 'mine' } & Mine)
  | { readonly kind: 'not_mine' }
  /** What stands there is not for this program: a record of a newer version, or a damaged one. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unknown' };

/** A task that is ours, and the span of the run that its claim began, where that is traced. */
export type Mine = { readonly held: Held; readonly span?: RunSpan };

type Settings = {
  readonly ports: Pick<Ports, 'clock' | 'store'>;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly worker: string;
  /** Bodies run in this process, so their spans are begun here. Elsewhere the former run's stands until its own is told. */
  readonly traces?: true;
};

/** Pause between two looks at a claim whose answer was lost. */
const SETTLE_MS = 500;

/** `users`: bodies of the address, and claims that have not been answered. `begun`: newest fence a body was begun under. */
type Place = { users: number; begun: Fence | undefined };

/**
 * Claims tasks for one process. One claim starts one body (behaviour D8): a claim is told to be ours once, however
 * often it is found, and whatever is read when. A dispatch that comes twice, or an answer that was lost, is settled by a
 * read; what was read can be older than the body it speaks of, which may have begun and ended meanwhile. So the fence of
 * the newest body is remembered for as long as anything that was read before its end can still be judged.
 */
export class Claims {
  private readonly settings: Settings;
  private readonly places = new Map<Address, Place>();
  private closed = false;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Nothing is settled any more. */
  close(): void {
    this.closed = true;
  }

  /** Decides a claim; settles one whose answer was lost as far as it can be settled now. */
  claim(address: Address, from: Held | undefined, offered: number, exact = false): Promise<Claimed> {
    const { kernel, ports, worker, traces } = this.settings;
    this.enter(address);
    // Begun with the claim, so that the record says where it is; one of a claim that is lost is never ended or told.
    let span: RunSpan | undefined;
    const make = (held: Held | undefined): ClaimCommand => {
      const claim: ClaimDraft = {
        kind: 'claim',
        at: ports.clock.now(),
        id: held?.record.id ?? '',
        worker,
        epoch: ports.store.epoch,
        revision: held?.revision ?? 0,
        offered,
      };
      if (exact) claim.exact = true;
      if (held !== undefined && traces) span ??= RunSpan.start(held.record, worker);
      const trace = traces ? span?.traceparent : held?.record.runTrace;
      if (trace !== undefined) claim.trace = trace;
      return claim;
    };
    // No promise more than needed: every task is claimed.
    return kernel.ask(address, make, from === undefined ? {} : { from }).then(
      (asked) => {
        const claimed = this.judge(address, asked);
        this.leave(address);
        return span === undefined || claimed.kind !== 'mine' ? claimed : { ...claimed, span };
      },
      (error: unknown) => {
        this.leave(address);
        throw error;
      },
    );
  }

  /** Looks until it is known whether a claim without an answer was carried out. */
  async settle(address: Address): Promise<Claimed> {
    const { kernel, ports, log } = this.settings;
    this.enter(address);
    try {
      while (!this.closed) {
        await new Promise<void>((resolve) => {
          ports.clock.after(SETTLE_MS, resolve);
        });
        try {
          return this.take(address, await kernel.load(address));
        } catch (error) {
          log.debug({ err: error, address }, 'a claim without an answer cannot be looked at yet');
        }
      }
      return NOT_MINE;
    } finally {
      this.leave(address);
    }
  }

  /** The body of a claim that was ours has ended. */
  ended(address: Address): void {
    this.leave(address);
  }

  private judge(address: Address, asked: Asked): Claimed {
    switch (asked.kind) {
      case 'done':
        return this.take(address, asked);
      case 'refused':
        return this.take(address, asked.held);
      case 'failed':
        if (asked.cause instanceof UnreadableRecordError) {
          this.settings.log.warn({ err: asked.cause, address }, 'a record cannot be read and its task is left alone');
          return { kind: 'unreadable' };
        }
        return { kind: 'failed' };
      case 'unknown':
        return { kind: 'unknown' };
    }
  }

  /** Ours when the record says that this process runs it, and no body was begun for that claim or for a later one. */
  private take(address: Address, held: Held | undefined): Claimed {
    // Of a dead run this worker may only be to cancel what it had begun elsewhere (behaviour G7).
    if (held === undefined || isTerminal(held.record.status) || held.record.cancelling) return NOT_MINE;
    const { owner } = held.record;
    const place = this.places.get(address);
    if (place === undefined || owner?.worker !== this.settings.worker) return NOT_MINE;
    if (place.begun !== undefined && compareFences(owner.fence, place.begun) <= 0) return NOT_MINE;
    place.begun = owner.fence;
    place.users++;
    return { kind: 'mine', held: { record: held.record, revision: held.revision } };
  }

  private enter(address: Address): void {
    const place = this.places.get(address);
    if (place === undefined) this.places.set(address, { users: 1, begun: undefined });
    else place.users++;
  }

  private leave(address: Address): void {
    const place = this.places.get(address);
    if (place !== undefined && --place.users === 0) this.places.delete(address);
  }
}

const NOT_MINE: Claimed = { kind: 'not_mine' };
