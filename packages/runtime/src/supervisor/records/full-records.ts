import { RECORD_ROOM } from '@baton/protocols';
import type { Log } from '../../log.ts';
import type { FullRecord } from '../../ports/presence.ts';
import type { Watched } from '../tasks/task-index.ts';

/** From here on a record is said to be nearly full: an eighth before what others may add to it ends. */
const NEARLY_FULL = (RECORD_ROOM / 8) * 7;

/** Told to others: enough to begin with, and little in a lease that is renewed every second. */
const MOST_TOLD = 5;

/**
 * The records of this supervisor's partitions that are nearly full (behaviour R9), so that whoever asks need not read the
 * whole bucket for it. They come by here anyway.
 */
export class FullRecords {
  private readonly log: Log;
  private readonly tell: (fullest: readonly FullRecord[]) => void;
  private readonly found = new Map<Watched, FullRecord>();
  private isChanged = false;

  constructor(log: Log, tell: (fullest: readonly FullRecord[]) => void) {
    this.log = log;
    this.tell = tell;
  }

  /** A record as it is stored. */
  note(watched: Watched, task: string, bytes: number): void {
    if (bytes < NEARLY_FULL) return this.forget(watched);
    const known = this.found.get(watched);
    if (known?.task === task && known.bytes === bytes) return;
    this.found.set(watched, { task, bytes });
    this.isChanged = true;
    if (known?.task === task) return;
    const text = 'a record is nearly full: subscribers, successors and payloads are refused soon';
    this.log.warn({ task, address: watched.address, bytes, room: RECORD_ROOM }, text);
  }

  /** It is watched no more. */
  forget(watched: Watched): void {
    if (this.found.delete(watched)) this.isChanged = true;
  }

  /** Called often. */
  look(): void {
    if (!this.isChanged) return;
    this.isChanged = false;
    this.tell([...this.found.values()].toSorted((a, b) => b.bytes - a.bytes).slice(0, MOST_TOLD));
  }
}
