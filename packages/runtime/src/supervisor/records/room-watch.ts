import type { Log } from '../../log.ts';
import type { RecordStore } from '../../ports/store.ts';

/** Says when the store has no more room for new tasks, and when it has again (behaviour R8). */
export class RoomWatch {
  private readonly store: Pick<RecordStore, 'shortage'>;
  private readonly log: Log;
  private isShort = false;

  constructor(store: Pick<RecordStore, 'shortage'>, log: Log) {
    this.store = store;
    this.log = log;
  }

  look(): void {
    const { shortage } = this.store;
    if ((shortage !== undefined) === this.isShort) return;
    this.isShort = shortage !== undefined;
    if (shortage === undefined) this.log.info({}, 'there is room for new tasks again');
    else this.log.error({ shortage }, 'the store is nearly full: new tasks are refused, those that are there go on');
  }
}
