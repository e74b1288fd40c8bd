import { isTerminal, type Child, type Parent, type SupervisorCommand, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { DependentsOptions } from '../dependencies/dependents.ts';
import { EndWatch } from '../dependencies/end-watch.ts';
import type { Fate } from '../dependencies/find-ended.ts';
import { BatonError } from '../errors.ts';
import type { Asked } from '../kernel.ts';
import { sideBySide } from '../side-by-side.ts';

/** A child that its parent's record does not name this long after it was made lost its spawner in between. */
const ADOPT_MS = 5_000;

/** Children that are told at the same time what became of their parent. */
const TOLD_AT_ONCE = 32;

/** What a parent has come to. `aborting`: it will not end well. */
type How = Extract<SupervisorCommand, { kind: 'parent-ended' }>['how'];

/** A task that is cancelled with its parent. */
type ChildTask = {
  readonly address: Address;
  readonly id: string;
  readonly targets: readonly [Parent];
  readonly name: string;
  readonly createdAt: number;
  /** A cancel would end it, or begin to. */
  readonly canStop: boolean;
};

/**
 * Sees to it that children are cancelled with their parent (behaviour G3): each by who watches its own record, which names
 * the parent. So no list has to be complete and no run has to live for it: what was spawned, by whoever, is found where it
 * stands, and decided by compare-and-set.
 */
export class ParentWatch {
  private readonly options: DependentsOptions;
  private readonly watch: EndWatch<ChildTask>;
  /** What the parents of those have come to that run on because they cannot be stopped. */
  private readonly known = new Map<Address, How>();

  constructor(options: DependentsOptions) {
    this.options = options;
    this.watch = new EndWatch({ ...options, tell: (children, fates) => this.lookAll(children, fates) });
  }

  get size(): number {
    return this.watch.size;
  }

  seen(address: Address, record: TaskRecord): void {
    const { parent } = record;
    if (parent === undefined && this.watch.size === 0) return;
    if (parent === undefined || parent.leave || parent.over || isTerminal(record.status)) return this.forget(address);
    const { id, name, createdAt } = record;
    const former = this.watch.get(address);
    if (former !== undefined && former.id !== id) this.known.delete(address);
    const child: ChildTask = { address, id, targets: [parent], name, createdAt, canStop: canStop(record) };
    this.watch.set(child);
    const how = this.known.get(address);
    // It could not be stopped before, or was about to be run again.
    if (how !== undefined && child.canStop && former?.canStop === false) void this.tell(child, how);
  }

  forget(address: Address): void {
    if (this.watch.size === 0) return;
    this.watch.remove(address);
    this.known.delete(address);
  }

  look(): void {
    this.watch.look();
  }

  stop(): void {
    this.watch.stop();
    this.known.clear();
  }

  private async lookAll(children: readonly ChildTask[], fates: ReadonlyMap<string, Fate>): Promise<boolean> {
    let isDone = true;
    await sideBySide(children, TOLD_AT_ONCE, async (one) => {
      if (!this.watch.isStopped && !(await this.lookAt(one, fates))) isDone = false;
    });
    return isDone;
  }

  private async lookAt(child: ChildTask, fates: ReadonlyMap<string, Fate>): Promise<boolean> {
    const [parent] = child.targets;
    const fate = fates.get(parent.id);
    if (fate === undefined) return true;
    if (fate.kind === 'gone') return this.tell(child, 'gone');
    const { record } = fate;
    // Only a newer program can read it, which sees to it then.
    if (record === undefined) return true;
    if (record.status === 'aborting' || isTerminal(record.status)) return this.tell(child, record.status);
    const isNamed = record.children?.some(({ id }) => id === child.id) ?? false;
    const isOld = this.options.clock.now() - child.createdAt > ADOPT_MS;
    return isNamed || !isOld ? true : this.adopt(child, parent);
  }

  /** Whoever spawned it died before its parent's record named it. */
  private async adopt({ id, name, address }: ChildTask, parent: Parent): Promise<boolean> {
    const { kernel, clock } = this.options;
    const adopted: Child = { id, address, name };
    const asked = await kernel.ask(parent.address as Address, () => ({
      ...{ kind: 'note-children', at: clock.now(), id: parent.id, ends: [], shares: [], adopted },
    }));
    return asked.kind === 'done' || asked.kind === 'refused';
  }

  /** Never rejects. */
  private async tell(child: ChildTask, how: How): Promise<boolean> {
    const { kernel, clock, log } = this.options;
    const { address, id, targets } = child;
    if (this.watch.get(address)?.id !== id) return true;
    this.known.set(address, how);
    const parent = targets[0].id;
    try {
      const at = clock.now();
      const asked = await kernel.ask(address, () => ({ kind: 'parent-ended', at, id, parent, how }), { urgent: true });
      return this.told(child, asked);
    } catch (error) {
      const level = error instanceof BatonError ? 'debug' : 'error';
      log[level]({ err: error, address }, 'a child could not be told of its parent; tried again');
      return false;
    }
  }

  private told(child: ChildTask, asked: Asked): boolean {
    const { learned, log, ports } = this.options;
    const { address, id } = child;
    switch (asked.kind) {
      case 'done': {
        const { record, revision, bytes } = asked;
        if (bytes !== undefined && !record.parent?.over) {
          const fields = { task: id, type: record.type, key: record.key, address, revision, status: record.status };
          log.info({ ...fields, parent: record.parent?.id }, 'cancelled with its parent');
        }
        learned(address, revision, record, bytes !== undefined);
        if (record.status === 'aborting' && record.owner !== undefined)
          ports.signals.poke(record.owner.worker, address);
        return true;
      }
      case 'refused':
        if (asked.held !== undefined) learned(address, asked.held.revision, asked.held.record, false);
        else this.forget(address);
        return true;
      case 'failed':
      case 'unknown':
        log.debug({ err: asked.cause, address }, 'a child could not be told of its parent; tried again');
        return false;
    }
  }
}

const canStop = ({ status, finishing, abortable, cancelling, policy }: TaskRecord): boolean =>
  status === 'pending' ||
  (status === 'in_progress' &&
    !finishing &&
    (abortable === true || cancelling === true || policy.isolation === 'thread'));
