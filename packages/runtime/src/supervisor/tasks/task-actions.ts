import type { Command, TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { BatonError } from '../../errors.ts';
import type { Asked, Held, Kernel } from '../../kernel.ts';
import { taskFields, type Log } from '../../log.ts';
import type { Clock } from '../../ports/environment.ts';
import type { Signals } from '../../ports/signals.ts';
import type { Action, ActionOutcome } from './action-runner.ts';
import type { Duties } from './duties.ts';
import type { UnreadableKind } from '../records/unreadable-records.ts';
import type { SaidOnce } from '../said-once.ts';
import type { Watched } from './task-index.ts';

export type TaskActsOptions = {
  readonly kernel: Kernel;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly log: Log;
  readonly once: SaidOnce;
  /** `supervisor:<id>`: stands in the history of what is done. */
  readonly by: string;
  readonly isWatched: (watched: Watched) => boolean;
  /** A live worker that can cancel what a dead one has begun; `none`: workers serve the type, and none of them can. */
  readonly cancellerFor: (type: string) => { readonly id: string } | 'none' | undefined;
  readonly epoch: () => number;
  /** What the store has now; `written`: by us, just now, so that the feed must bring it. */
  readonly learned: (address: Address, revision: number, record: TaskRecord, written: boolean) => void;
  /** The store has nothing under the address. */
  readonly gone: (watched: Watched) => void;
  readonly unreadable: (address: Address, kind: UnreadableKind, reason: string) => void;
};

type Rescue = Extract<Command, { kind: 'rescue' }>;

/** Looks for a worker that can cancel, over about a minute, where there are workers that cannot. */
const CANCELLER_LOOKS = 6;

/** Carries out actions: commands through the kernel. */
export class TaskActions {
  private readonly options: TaskActsOptions;
  /** Looks for a canceller so far, where there was none at the last. */
  private readonly looks = new WeakMap<Watched, number>();

  constructor(options: TaskActsOptions) {
    this.options = options;
  }

  async perform(watched: Watched, action: Action): Promise<ActionOutcome> {
    if (!this.options.isWatched(watched)) return 'settled';
    try {
      return await this.command(watched, action);
    } catch (error) {
      if (!(error instanceof BatonError)) {
        this.options.once.say(`${action} broken`, () => {
          this.options.log.error(
            { err: error, address: watched.address, action },
            'an action failed in a way it should not',
          );
        });
        return 'again';
      }
      return this.cameToNothing(watched, action, error);
    }
  }

  private async command(watched: Watched, action: Action): Promise<ActionOutcome> {
    const { duties, address } = watched;
    const asked = await this.options.kernel.ask(address, (held) => this.commandOf(action, watched, duties, held), {
      urgent: true,
    });
    switch (asked.kind) {
      case 'done':
        return this.carriedOut(watched, action, asked);
      case 'refused':
        if (asked.reason === 'no_canceller') {
          const text = 'its worker died, and no live worker can cancel what it has begun: the task waits for one';
          this.options.log.warn({ address, type: asked.held?.record.type }, text);
          this.looks.set(watched, this.looksFor(watched) + 1);
          return 'later';
        }
        this.looks.delete(watched);
        // Somebody else was faster: what is stored says what is to be done now.
        if (asked.held === undefined) this.options.gone(watched);
        else this.options.learned(address, asked.held.revision, asked.held.record, false);
        return 'settled';
      case 'failed':
      case 'unknown':
        return this.cameToNothing(watched, action, asked.cause);
    }
  }

  /** The task is taken from what is stored; the run and the worker are those that were seen, and are compared with it. */
  private commandOf(action: Action, watched: Watched, duties: Duties, held: Held | undefined): Command {
    const record = held?.record;
    const at = this.options.clock.now();
    const { by } = this.options;
    const id = record?.id ?? '';
    const fence = 'fence' in duties ? duties.fence : { epoch: 0, revision: 0 };
    switch (action) {
      case 'time-out':
      case 'mark-not-stopping':
        return { kind: action, at, by, fence };
      case 'rescue':
        return {
          kind: action,
          at,
          by,
          id,
          worker: 'holder' in duties ? duties.holder : '',
          ...('fence' in duties ? { fence: duties.fence } : {}),
          ...(held?.record.cancelHandle === undefined ? {} : this.cancellerOf(watched, held)),
        };
      case 'promote':
      case 'expire':
        return { kind: action, at, by, id };
    }
  }

  /** Where workers of the type have no canceller, one may be on its way in a deploy; not for ever. */
  private cancellerOf(watched: Watched, { record, revision }: Held): Pick<Rescue, 'canceller'> {
    const found = this.options.cancellerFor(record.type);
    if (found === 'none') return this.looksFor(watched) >= CANCELLER_LOOKS ? { canceller: 'none' } : {};
    return found === undefined
      ? {}
      : { canceller: { worker: found.id, fence: { epoch: this.options.epoch(), revision } } };
  }

  private looksFor(watched: Watched): number {
    return this.looks.get(watched) ?? 0;
  }

  private carriedOut(watched: Watched, action: Action, asked: Extract<Asked, { kind: 'done' }>): ActionOutcome {
    this.looks.delete(watched);
    const { record, revision, bytes } = asked;
    const { log, learned, signals } = this.options;
    const { address } = watched;
    if (bytes !== undefined) {
      const fields = { ...taskFields(record), address, revision, status: record.status };
      if (record.timeoutUnenforced)
        log.warn(fields, 'the timeout has passed and the task cannot be stopped: it runs on');
      else if (record.cancelling) log.info(fields, 'its worker died: another one runs its canceller');
      else log.info(fields, SAID[action]);
    }
    learned(address, revision, record, bytes !== undefined);
    if ((record.status === 'aborting' || record.cancelling) && record.owner !== undefined)
      signals.poke(record.owner.worker, address);
    return 'settled';
  }

  private cameToNothing(watched: Watched, action: Action, cause: BatonError): ActionOutcome {
    if (cause.code === 'RECORD_NEWER' || cause.code === 'RECORD_CORRUPT') {
      this.options.unreadable(watched.address, cause.code === 'RECORD_NEWER' ? 'newer' : 'corrupt', cause.message);
      return 'settled';
    }
    // An outage makes every action fail; one line says it for all.
    this.options.once.say(`${action} ${cause.code}`, () => {
      this.options.log.warn(
        { err: cause, address: watched.address, action },
        'an action came to nothing and is tried again',
      );
    });
    return 'again';
  }
}

const SAID: Readonly<Record<Action, string>> = {
  'time-out': 'timed out',
  'mark-not-stopping': 'does not stop',
  rescue: 'taken from a dead worker',
  promote: 'successor started',
  expire: 'was not started in time',
};
