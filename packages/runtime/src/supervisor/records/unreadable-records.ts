import type { Address } from '@baton/protocols';
import type { Log } from '../../log.ts';
import type { Clock } from '../../ports/environment.ts';
import { SaidOnce } from '../said-once.ts';
import type { TaskIndex, Watched } from '../tasks/task-index.ts';

/** `newer`: of a newer version; `corrupt`: damaged. */
export type UnreadableKind = 'newer' | 'corrupt';

/** Records this program cannot read: left alone, said once, counted (behaviour X10). A newer supervisor sees to them. */
export class UnreadableRecords {
  private readonly log: Log;
  private readonly index: TaskIndex;
  private readonly once: SaidOnce;
  private found = 0;

  constructor(clock: Clock, log: Log, index: TaskIndex) {
    this.log = log;
    this.index = index;
    this.once = new SaidOnce(clock, Number.POSITIVE_INFINITY);
  }

  get count(): number {
    return this.found;
  }

  /** `key` names the record and, where it is known, its revision. */
  note(address: Address, key: string, kind: UnreadableKind, reason: string): void {
    const watched = this.index.get(address);
    if (watched !== undefined) this.index.remove(watched, runsOn(watched, kind) ? 'moved' : 'over');
    this.once.say(key, () => {
      this.found++;
      this.log.warn({ address, reason }, 'a record cannot be read and is left alone');
    });
  }
}

/** A task that ran goes on under a newer program: its slot is not free. What a damaged one comes to is recorded by nobody. */
const runsOn = ({ slot }: Watched, kind: UnreadableKind): boolean => kind === 'newer' && slot !== undefined;
