import type { ObjectReference } from '@baton/core';
import { loadObject, type Clock, type DataStore } from '@baton/runtime';
import { tooMany } from '../auth/guard.ts';

export type ReadLimits = {
  /** Encoded bytes of large data in memory for all answers together. */
  readonly bytes: number;
  /** Different objects one user may have in work. */
  readonly perUser: number;
  /** Who waits for room, and for how long. */
  readonly waiting: number;
  readonly waitMs: number;
};

export const READ_LIMITS: ReadLimits = { bytes: 64 * 1024 * 1024, perUser: 3, waiting: 500, waitMs: 15_000 };
const RETRY_SECONDS = 5;

/** The bytes of an object, until they are given back. */
export type LargeRead = { readonly bytes: Uint8Array; readonly release: () => void };

type Shared = { readonly size: number; readonly user: string; readonly bytes: Promise<Uint8Array>; readers: number };
type Waiting = { readonly mayStart: () => boolean; readonly start: () => void };

/**
 * Reads large data for answers, so many bytes at a time and no more: all who ask for one object at once share it, others
 * wait until there is room. One user cannot take all the room.
 */
export class LargeReads {
  private readonly data: DataStore;
  private readonly clock: Clock;
  private readonly limits: ReadLimits;
  private readonly shared = new Map<string, Shared>();
  private waiting: Waiting[] = [];
  private used = 0;

  constructor(data: DataStore, clock: Clock, limits = READ_LIMITS) {
    this.data = data;
    this.clock = clock;
    this.limits = limits;
  }

  /** Bytes in memory now. */
  get held(): number {
    return this.used;
  }

  /** Rejects as `loadObject` does, and with a Problem when there is no room for too long. */
  async open(reference: ObjectReference, user: string): Promise<LargeRead> {
    await this.admitted(reference, user);
    const shared = this.share(reference, user);
    shared.readers++;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      if (--shared.readers === 0) this.drop(reference.object, shared);
    };
    try {
      return { bytes: await shared.bytes, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  private share(reference: ObjectReference, user: string): Shared {
    const known = this.shared.get(reference.object);
    if (known !== undefined) return known;
    const made = { size: reference.size, user, bytes: loadObject(this.data, reference), readers: 0 };
    this.shared.set(reference.object, made);
    this.used += made.size;
    return made;
  }

  private drop(object: string, shared: Shared): void {
    this.shared.delete(object);
    this.used -= shared.size;
    const waiting = this.waiting;
    this.waiting = [];
    for (const one of waiting) {
      if (one.mayStart()) one.start();
      else this.waiting.push(one);
    }
  }

  private async admitted({ object, size }: ObjectReference, user: string): Promise<void> {
    const mayStart = (): boolean => {
      if (this.shared.has(object)) return true;
      if (this.used > 0 && this.used + size > this.limits.bytes) return false;
      return [...this.shared.values()].filter((one) => one.user === user).length < this.limits.perUser;
    };
    while (!mayStart()) {
      if (this.waiting.length >= this.limits.waiting) throw tooMany(RETRY_SECONDS);
      await this.turn(mayStart);
    }
  }

  private turn(mayStart: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(this.limits.waitMs, () => {
        this.waiting = this.waiting.filter((one) => one !== waiting);
        reject(tooMany(RETRY_SECONDS));
      });
      const waiting: Waiting = {
        mayStart,
        start: () => {
          timer.cancel();
          resolve();
        },
      };
      this.waiting.push(waiting);
    });
  }
}
