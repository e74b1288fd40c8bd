import type { TaskRecord } from '@baton/core';
import { readRecord, readRecordAt, type Address } from '@baton/protocols';
import type { Clock } from '../../ports/environment.ts';
import type { Entry } from '../../ports/store.ts';
import { isOver, mayWait, plainlyRuns } from './encoded-status.ts';
import type { UnreadableKind } from '../records/unreadable-records.ts';
import type { Sight } from './task-index.ts';

/** Most records decoded without letting go of the event loop. */
const SLICE = 2_000;

/** Bytes that may lie here undecoded. Beyond it they are decoded at once, which also holds up the reader. */
const WAITING_BYTES_LIMIT = 16 * 1024 * 1024;

type Waiting = { readonly entry: Entry; readonly generation: number; readonly at: number; readonly live: boolean };

export type IntakeListener = {
  /** A record of this address was read before. */
  readonly isKnown: (address: Address) => boolean;
  /** Somebody may wait for the slot that the task has, were it to run no more. */
  readonly isUrgent: (address: Address) => boolean;
  /** The task has ended, with nothing behind it. */
  readonly over: (address: Address, sight: Sight) => void;
  readonly record: (address: Address, sight: Sight, record: TaskRecord) => void;
  /** A record of a newer version, or a damaged one. */
  readonly unreadable: (address: Address, sight: Sight, kind: UnreadableKind, reason: string) => void;
};

/**
 * Takes what a reader gives. A task that waits is for its queue to start, and looked at when all that came in the same piece
 * of the event loop is here; others a moment later: of several writes to one actor only the last is decoded, so that a task
 * which runs for milliseconds costs a look at its first bytes and no decoding.
 */
export class Intake {
  private readonly clock: Clock;
  private readonly pauseMs: number;
  private readonly listener: IntakeListener;
  /** What lies here, by how soon it is looked at. No address is in both. */
  private readonly soon = new Map<Address, Waiting>();
  private readonly later = new Map<Address, Waiting>();
  private waitingBytes = 0;
  private soonTimer: { readonly cancel: () => void } | undefined;
  private laterTimer: { readonly cancel: () => void } | undefined;
  private planned = false;
  private decodedCount = 0;
  private takenCount = 0;

  constructor(clock: Clock, pauseMs: number, listener: IntakeListener) {
    this.clock = clock;
    this.pauseMs = pauseMs;
    this.listener = listener;
  }

  get counts(): { readonly taken: number; readonly decoded: number } {
    return { taken: this.takenCount, decoded: this.decodedCount };
  }

  /** Newest revision of an actor that lies here; 0: none. */
  revisionOf(address: Address): number {
    return (this.soon.get(address) ?? this.later.get(address))?.entry.revision ?? 0;
  }

  take(entry: Entry, generation: number, live: boolean): void {
    this.takenCount++;
    const { address } = entry;
    const former = this.soon.get(address) ?? this.later.get(address);
    if (former !== undefined && former.entry.revision >= entry.revision) return;
    // One that begins to run has its slot since it was offered.
    const isSoon = mayWait(entry.bytes) || (!plainlyRuns(entry.bytes) && this.listener.isUrgent(address));
    if (former !== undefined) {
      this.waitingBytes -= former.entry.bytes.length;
      (isSoon ? this.later : this.soon).delete(address);
    }
    (isSoon ? this.soon : this.later).set(address, { entry, generation, at: this.clock.monotonic(), live });
    this.waitingBytes += entry.bytes.length;
    if (this.waitingBytes > WAITING_BYTES_LIMIT) this.drain();
    else if (isSoon) this.lookSoon();
    else this.laterTimer ??= this.clock.after(this.pauseMs, () => this.sliceLater());
  }

  /** Looks at everything that lies here. */
  drain(): void {
    this.look(this.soon, Number.POSITIVE_INFINITY);
    this.look(this.later, Number.POSITIVE_INFINITY);
  }

  clear(): void {
    this.soonTimer?.cancel();
    this.laterTimer?.cancel();
    this.soonTimer = undefined;
    this.laterTimer = undefined;
    this.soon.clear();
    this.later.clear();
    this.waitingBytes = 0;
  }

  private lookSoon(): void {
    if (this.planned || this.soonTimer !== undefined) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      this.sliceSoon();
    });
  }

  private sliceSoon(): void {
    this.soonTimer = undefined;
    this.look(this.soon, SLICE);
    if (this.soon.size > 0) this.soonTimer = this.clock.after(1, () => this.sliceSoon());
  }

  private sliceLater(): void {
    this.laterTimer = undefined;
    this.look(this.later, SLICE);
    if (this.later.size > 0) this.laterTimer = this.clock.after(1, () => this.sliceLater());
  }

  private look(waiting: Map<Address, Waiting>, limit: number): void {
    const wallOffset = this.clock.now() - this.clock.monotonic();
    let left = limit;
    for (const [address, one] of waiting) {
      if (left-- <= 0) return;
      waiting.delete(address);
      this.waitingBytes -= one.entry.bytes.length;
      this.lookAt(address, one, wallOffset);
    }
  }

  private lookAt(address: Address, { entry, generation, at, live }: Waiting, wallOffset: number): void {
    const { revision, bytes } = entry;
    const sight: Sight = { revision, generation, at, wall: at + wallOffset, live, bytes };
    if (isOver(entry.bytes)) return this.listener.over(address, sight);
    this.decodedCount++;
    // Its place is looked at once: later versions of it were written by who has read it there.
    const reading = this.listener.isKnown(address) ? readRecord(entry.bytes) : readRecordAt(address, entry.bytes);
    switch (reading.kind) {
      case 'record':
        return this.listener.record(address, sight, reading.record);
      case 'newer':
        return this.listener.unreadable(
          address,
          sight,
          'newer',
          `version ${reading.version} is newer than this program`,
        );
      case 'corrupt':
        return this.listener.unreadable(address, sight, 'corrupt', reading.reason);
    }
  }
}
