import type { Lane } from '@baton/protocols';
import type { Log } from '../../log.ts';
import { keyOf } from '../../dispatch/lanes.ts';
import type { WaitingLine } from '../../ports/dispatch.ts';

/** Looked at this often, and said once it has been so for a whole round: a fleet may just be starting. */
const ROUND_MS = 5_000;

/** Lanes remembered. */
const LIMIT = 1_000;

/** Says, once for each lane, that tasks wait which nobody serves (behaviour X5), and when that is over. */
export class UnservedLanes {
  private readonly log: Log;
  private readonly isServed: (lane: Lane) => boolean;
  private readonly found = new Map<string, { said: boolean; readonly lane: Lane }>();
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Log, isServed: (lane: Lane) => boolean) {
    this.log = log;
    this.isServed = isServed;
  }

  look(waiting: () => readonly WaitingLine[], now: number): void {
    if (now - this.lookedAt < ROUND_MS) return;
    this.lookedAt = now;
    const unserved = new Map(
      waiting()
        .filter((line) => !this.isServed(line))
        .map((line) => [keyOf(line), line]),
    );
    for (const [key, { said, lane }] of this.found) {
      if (unserved.has(key)) continue;
      this.found.delete(key);
      if (said) this.log.info({ ...lane }, `tasks of type ${lane.type} are served again, or none wait any more`);
    }
    for (const [key, line] of unserved) this.note(key, line);
  }

  private note(key: string, { waiting, ...lane }: WaitingLine): void {
    const known = this.found.get(key);
    if (known === undefined) {
      if (this.found.size < LIMIT) this.found.set(key, { said: false, lane });
      return;
    }
    if (known.said) return;
    known.said = true;
    this.log.warn({ ...lane, tasks: waiting }, `no worker serves ${lane.type} in queue ${lane.queue}; its tasks wait`);
  }
}
