import { liveSuccessorOf, openDependencies, type Dependency, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Asked, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { Chance, Clock } from '../ports/environment.ts';
import { endFor } from './edges.ts';
import { EndWatch } from './end-watch.ts';
import type { Fate } from './find-ended.ts';
import { sideBySide } from '../side-by-side.ts';

/** Tasks whose ends are told to one another at the same time, of one that many wait for. */
const NOTES_AT_ONCE = 64;

export type DependentsOptions = {
  readonly ports: Pick<Ports, 'signals' | 'store' | 'data' | 'link'>;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** `supervisor:<id>`. */
  readonly by: string;
  /** What the store has of a task that waits; `written`: by us, just now. */
  readonly learned: (address: Address, revision: number, record: TaskRecord, written: boolean) => void;
};

/** A task that waits for others; it may itself be behind another one of its key. */
type Dependent = { readonly address: Address; readonly id: string; readonly targets: readonly Dependency[] };

/**
 * Sees to it that tasks learn how those have ended that they wait for (behaviour G1, G2). What it finds it writes by
 * compare-and-set: two who do so do no harm.
 */
export class Dependents {
  private readonly options: DependentsOptions;
  private readonly watch: EndWatch<Dependent>;

  constructor(options: DependentsOptions) {
    this.options = options;
    this.watch = new EndWatch({ ...options, tell: (dependents, fates) => this.tellEnds(dependents, fates) });
  }

  /** Tasks that wait for others. */
  get size(): number {
    return this.watch.size;
  }

  /** The newest version of a task of ours. */
  seen(address: Address, record: TaskRecord): void {
    // Of nearly every task there is nothing to do.
    if (record.dependsOn === undefined && record.successor === undefined && this.watch.size === 0) return;
    const found = waitingIn(record);
    if (found === undefined) this.watch.remove(address);
    else this.watch.set({ address, ...found });
  }

  /** It is not watched any more. */
  forget(address: Address): void {
    if (this.watch.size > 0) this.watch.remove(address);
  }

  /** Called often: begins what is due. */
  look(): void {
    this.watch.look();
  }

  stop(): void {
    this.watch.stop();
  }

  /** False: something came to nothing, and is to be tried again. */
  private async tellEnds(dependents: readonly Dependent[], fates: ReadonlyMap<string, Fate>): Promise<boolean> {
    const due = dependents.filter(({ targets }) => targets.some(({ id }) => isOverIn(fates, id)));
    let isDone = true;
    await sideBySide(due, NOTES_AT_ONCE, async (one) => {
      if (!this.watch.isStopped && !(await this.note(one, fates))) isDone = false;
    });
    return isDone;
  }

  private async note(dependent: Dependent, fates: ReadonlyMap<string, Fate>): Promise<boolean> {
    const { kernel, clock, by, ports, learned } = this.options;
    const { address, id } = dependent;
    if (this.watch.get(address)?.id !== id) return true;
    try {
      const at = clock.now();
      const ends = await Promise.all(
        dependent.targets.flatMap((edge) => {
          const fate = fates.get(edge.id);
          if (fate === undefined || fate.kind === 'open') return [];
          const end =
            fate.kind === 'gone'
              ? { status: 'gone' as const, at }
              : endFor(ports.data, dependent, edge, fate.record, fate.record.endedAt ?? at);
          return [Promise.resolve(end).then((noted) => ({ id: edge.id, end: noted }))];
        }),
      );
      const asked = await kernel.ask(address, () => ({ kind: 'note-ends', at, by, id, ends }), { urgent: true });
      return this.noted(dependent, asked, learned);
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      return this.failed(address, error);
    }
  }

  private noted(dependent: Dependent, asked: Asked, learned: DependentsOptions['learned']): boolean {
    const { address } = dependent;
    switch (asked.kind) {
      case 'done':
        if (asked.bytes !== undefined) this.say(asked.record, address, asked.revision);
        learned(address, asked.revision, asked.record, asked.bytes !== undefined);
        return true;
      case 'refused':
        if (asked.held !== undefined) learned(address, asked.held.revision, asked.held.record, false);
        else this.forget(address);
        return true;
      case 'failed':
      case 'unknown':
        return this.failed(address, asked.cause);
    }
  }

  private say(record: TaskRecord, address: Address, revision: number): void {
    const fields = { task: record.id, type: record.type, key: record.key, address, revision, status: record.status };
    if (record.status === 'failure') this.options.log.info(fields, 'failed with a task it waited for');
    else if (openDependencies(record).length === 0) this.options.log.info(fields, 'waits for no other task any more');
  }

  private failed(address: Address, cause: BatonError): boolean {
    this.options.log.debug(
      { err: cause, address },
      'the end of a task could not be told to one that waits; tried again',
    );
    return false;
  }
}

const isOverIn = (fates: ReadonlyMap<string, Fate>, id: string): boolean => {
  const fate = fates.get(id);
  return fate !== undefined && fate.kind !== 'open';
};

/** The task of a record that waits for others: its own, or the one behind it. */
const waitingIn = (record: TaskRecord): Omit<Dependent, 'address'> | undefined => {
  if (record.status === 'pending') {
    const targets = openDependencies(record);
    if (targets.length > 0) return { id: record.id, targets };
  }
  const spec = liveSuccessorOf(record)?.spec;
  const targets = spec === undefined ? [] : openDependencies(spec);
  return spec === undefined || targets.length === 0 ? undefined : { id: spec.id, targets };
};
