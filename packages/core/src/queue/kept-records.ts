/**
 * Most bytes that records kept for offers may take, of all queues that share it, and how many they take. `each`: what every
 * queue may take also where others have used it up, so that one in which many wait takes nothing from one that flows.
 */
export type RecordBudget = { readonly limit: number; readonly each: number; used: number };

/** Bytes that records lie in one behind the other, each behind its length. Never written over: who has read one may go on to. */
type Slab = { readonly bytes: Uint8Array; readonly view: DataView; end: number; live: number };

/** Where the record of a task lies; `slab` undefined: it is not kept. */
export type Kept = { slab: Slab | undefined; at: number };

/** Sizes of slabs: as large as all that a queue has already, so that a queue of a few tasks takes little. */
const SLAB_LEAST = 4 * 1024;
const SLAB_MOST = 256 * 1024;

const LENGTH_BYTES = 4;

/**
 * The records of tasks that wait in one queue, copied into a few large pieces: as an object of its own each would take as
 * much again. A piece goes when the last record in it does, so what counts against the budget is pieces, and not records.
 */
export class KeptRecords {
  private readonly budget: RecordBudget;
  private slab: Slab | undefined;
  private taken = 0;
  private closed = false;

  constructor(budget: RecordBudget) {
    this.budget = budget;
  }

  /** Keeps a copy for `owner` instead of what it had; nothing where there is no room for it. */
  keep(owner: Kept, record: Uint8Array | undefined): void {
    this.release(owner);
    if (record === undefined || this.closed) return;
    const slab = this.slabFor(record.length + LENGTH_BYTES);
    if (slab === undefined) return;
    owner.slab = slab;
    owner.at = slab.end;
    slab.view.setUint32(slab.end, record.length);
    slab.bytes.set(record, slab.end + LENGTH_BYTES);
    slab.end += record.length + LENGTH_BYTES;
    slab.live++;
  }

  read({ slab, at }: Kept): Uint8Array | undefined {
    if (slab === undefined) return undefined;
    const from = at + LENGTH_BYTES;
    return slab.bytes.subarray(from, from + slab.view.getUint32(at));
  }

  /** What is kept counts no more, and nothing is kept from here on: the queue is hosted elsewhere. */
  close(): void {
    this.budget.used -= this.taken;
    this.taken = 0;
    this.slab = undefined;
    this.closed = true;
  }

  private release(owner: Kept): void {
    const { slab } = owner;
    if (slab === undefined) return;
    owner.slab = undefined;
    if (--slab.live > 0 || this.closed) return;
    if (slab === this.slab) this.slab = undefined;
    this.taken -= slab.bytes.length;
    this.budget.used -= slab.bytes.length;
  }

  private slabFor(size: number): Slab | undefined {
    if (this.slab !== undefined && this.slab.end + size <= this.slab.bytes.length) return this.slab;
    const { limit, each, used } = this.budget;
    const room = Math.max(limit - used, each - this.taken);
    const wanted = Math.max(size, SLAB_LEAST, Math.min(SLAB_MOST, this.taken));
    // The last that fits is as large as there is room.
    const length = Math.min(wanted, room);
    if (length < size) return undefined;
    const bytes = new Uint8Array(length);
    this.slab = { bytes, view: new DataView(bytes.buffer), end: 0, live: 0 };
    this.taken += length;
    this.budget.used += length;
    return this.slab;
  }
}
