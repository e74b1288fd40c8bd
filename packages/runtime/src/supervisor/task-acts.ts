import type { Command, TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Asked, Kernel } from '../kernel.ts';
import { taskFields, type Log } from '../log.ts';
import type { Clock, Signals } from '../ports.ts';
import type { Act, ActOutcome } from './acts.ts';
import type { Duties } from './duties.ts';
import type { SaidOnce } from './said-once.ts';
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
  /** What the store has now; `written`: by us, just now, so that the feed must bring it. */
  readonly learned: (address: Address, revision: number, record: TaskRecord, written: boolean) => void;
  /** The store has nothing under the address. */
  readonly gone: (watched: Watched) => void;
  readonly unreadable: (address: Address, reason: string) => void;
};

/** Carries out acts: commands through the kernel. */
export class TaskActs {
  private readonly options: TaskActsOptions;

  constructor(options: TaskActsOptions) {
    this.options = options;
  }

  async perform(watched: Watched, act: Act): Promise<ActOutcome> {
    if (!this.options.isWatched(watched)) return 'settled';
    try {
      return await this.command(watched, act);
    } catch (error) {
      if (!(error instanceof BatonError)) {
        this.options.once.say(`${act} broken`, () => {
          this.options.log.error({ err: error, address: watched.address, act }, 'an act failed in a way it should not');
        });
        return 'again';
      }
      return this.cameToNothing(watched, act, error);
    }
  }

  private async command(watched: Watched, act: Act): Promise<ActOutcome> {
    const { duties, address } = watched;
    const asked = await this.options.kernel.ask(address, (held) => this.commandOf(act, duties, held?.record), {
      urgent: true,
    });
    switch (asked.kind) {
      case 'done':
        return this.carriedOut(watched, act, asked);
      case 'refused':
        // Somebody else was faster: what is stored says what is to be done now.
        if (asked.held === undefined) this.options.gone(watched);
        else this.options.learned(address, asked.held.revision, asked.held.record, false);
        return 'settled';
      case 'failed':
      case 'unknown':
        return this.cameToNothing(watched, act, asked.cause);
    }
  }

  /** The task is taken from what is stored; the run and the worker are those that were seen, and are compared with it. */
  private commandOf(act: Act, duties: Duties, record: TaskRecord | undefined): Command {
    const at = this.options.clock.now();
    const { by } = this.options;
    const id = record?.id ?? '';
    const fence = 'fence' in duties ? duties.fence : { epoch: 0, revision: 0 };
    switch (act) {
      case 'time-out':
      case 'mark-not-stopping':
        return { kind: act, at, by, fence };
      case 'rescue':
        return {
          kind: act,
          at,
          by,
          id,
          worker: 'holder' in duties ? duties.holder : '',
          ...('fence' in duties ? { fence: duties.fence } : {}),
        };
      case 'promote':
      case 'expire':
        return { kind: act, at, by, id };
    }
  }

  private carriedOut(watched: Watched, act: Act, asked: Extract<Asked, { kind: 'done' }>): ActOutcome {
    const { record, revision, bytes } = asked;
    const { log, learned, signals } = this.options;
    const { address } = watched;
    if (bytes !== undefined) {
      const fields = { ...taskFields(record), address, revision, status: record.status };
      if (record.timeoutUnenforced)
        log.warn(fields, 'the timeout has passed and the task cannot be stopped: it runs on');
      else log.info(fields, SAID[act]);
    }
    learned(address, revision, record, bytes !== undefined);
    if (record.status === 'aborting' && record.owner !== undefined) signals.poke(record.owner.worker, address);
    return 'settled';
  }

  private cameToNothing(watched: Watched, act: Act, cause: BatonError): ActOutcome {
    if (cause.code === 'RECORD_NEWER' || cause.code === 'RECORD_CORRUPT') {
      this.options.unreadable(watched.address, cause.message);
      return 'settled';
    }
    // An outage makes every act fail; one line says it for all.
    this.options.once.say(`${act} ${cause.code}`, () => {
      this.options.log.warn({ err: cause, address: watched.address, act }, 'an act came to nothing and is tried again');
    });
    return 'again';
  }
}

const SAID: Readonly<Record<Act, string>> = {
  'time-out': 'timed out',
  'mark-not-stopping': 'does not stop',
  rescue: 'taken from a dead worker',
  promote: 'successor started',
  expire: 'was not started in time',
};
