import type { TaskRecord } from '@baton/core';
import { readRecord, readRecordAt, type Address } from '@baton/protocols';
import type { Clock, Entry } from '../ports.ts';
import { isOver } from './glance.ts';
import type { Sight } from './task-index.ts';

/** Most records decoded without letting go of the event loop. */
const SLICE = 2_000;

/** Bytes that may lie here undecoded. Beyond it they are decoded at once, which also holds up the reader. */
const WAITING_BYTES_LIMIT = 16 * 1024 * 1024;

type Waiting = { readonly entry: Entry; readonly generation: number; readonly at: number; readonly live: boolean };

export type IntakeListener = {
  /** A record of this address was read before. */
  readonly isKnown: (address: Address) => boolean;
  /** The task has ended, with nothing behind it. */
  readonly over: (address: Address, sight: Sight) => void;
  readonly record: (address: Address, sight: Sight, record: TaskRecord) => void;
  /** A record of a newer version, or a damaged one. */
  readonly unreadable: (address: Address, sight: Sight, reason: string) => void;
};

/**
 * Takes what a reader gives and looks at it a moment later: of several writes to one actor only the last is decoded, so
 * that a task which lives for milliseconds costs a glance and no decoding.
 */
export class Intake {
  private readonly clock: Clock;
  private readonly pauseMs: number;
  private readonly listener: IntakeListener;
  private readonly waiting = new Map<Address, Waiting>();
  private waitingBytes = 0;
  private timer: { readonly cancel: () => void } | undefined;
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
    return this.waiting.get(address)?.entry.revision ?? 0;
  }

  take(entry: Entry, generation: number, live: boolean): void {
    this.takenCount++;
    const former = this.waiting.get(entry.address);
    if (former !== undefined) {
      if (former.entry.revision >= entry.revision) return;
      this.waitingBytes -= former.entry.bytes.length;
    }
    this.waiting.set(entry.address, { entry, generation, at: this.clock.monotonic(), live });
    this.waitingBytes += entry.bytes.length;
    if (this.waitingBytes > WAITING_BYTES_LIMIT) this.drain();
    else this.lookSoon();
  }

  /** Looks at everything that lies here. */
  drain(): void {
    this.look(Number.POSITIVE_INFINITY);
  }

  clear(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.waiting.clear();
    this.waitingBytes = 0;
  }

  /** Without a pause: when all that came in the same piece of the event loop is here. */
  private lookSoon(): void {
    if (this.pauseMs > 0) {
      this.timer ??= this.clock.after(this.pauseMs, () => this.slice());
      return;
    }
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      if (this.timer === undefined && this.waiting.size > 0) this.slice();
    });
  }

  private slice(): void {
    this.timer = undefined;
    this.look(SLICE);
    if (this.waiting.size > 0) this.timer = this.clock.after(1, () => this.slice());
  }

  private look(limit: number): void {
    const wallOffset = this.clock.now() - this.clock.monotonic();
    let left = limit;
    for (const [address, waiting] of this.waiting) {
      if (left-- <= 0) return;
      this.waiting.delete(address);
      this.waitingBytes -= waiting.entry.bytes.length;
      this.lookAt(address, waiting, wallOffset);
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
        return this.listener.unreadable(address, sight, `version ${reading.version} is newer than this program`);
      case 'corrupt':
        return this.listener.unreadable(address, sight, reading.reason);
    }
  }
}
