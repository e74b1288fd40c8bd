import {
  answerOfChildren,
  backoffDelayMs,
  isTerminal,
  openChildren,
  shareOf,
  type Child,
  type NotedEnd,
  type TaskRecord,
} from '@baton/core';
import type { Address } from '@baton/protocols';
import type { DependentsOptions } from '../dependencies/dependents.ts';
import { endFor } from '../dependencies/edges.ts';
import { AGAIN, EndWatch } from '../dependencies/end-watch.ts';
import type { Fate } from '../dependencies/find-ended.ts';
import { BatonError } from '../errors.ts';
import type { Asked } from '../kernel.ts';

/** Between two writes that say how children of one task have ended; what its handler waits for is said at once. */
const ENDS_MS = 2_000;

/** Between two writes that say only how far they are. */
const SHARES_MS = 10_000;

/** A task with children that have not ended, as far as it knows. */
type ParentTask = {
  readonly address: Address;
  readonly id: string;
  readonly targets: readonly Child[];
  readonly record: Pick<TaskRecord, 'children' | 'waiting' | 'waitsOver'>;
};

/** What was found out of the children of one task and is not in its record yet. */
type News = {
  readonly ends: Map<string, Exclude<Fate, { kind: 'open' }>>;
  readonly shares: Map<string, number>;
  /** Monotonic: of the last write. */
  writtenAt: number;
  failures: number;
  isBusy: boolean;
  timer: { readonly at: number; readonly cancel: () => void } | undefined;
};

/**
 * Sees to it that a task that has spawned others learns how far they are, and how they have ended (behaviour G3, G4). What is
 * found is gathered: however many children end, their parent's record is written once in two seconds, and at once only where
 * that ends what its handler waits for.
 */
export class ChildrenWatch {
  private readonly options: DependentsOptions;
  private readonly watch: EndWatch<ParentTask>;
  private readonly news = new Map<Address, News>();

  constructor(options: DependentsOptions) {
    this.options = options;
    this.watch = new EndWatch({
      ...options,
      tell: (parents, fates) => {
        for (const parent of parents) this.learn(parent, fates);
        return Promise.resolve(true);
      },
    });
  }

  get size(): number {
    return this.watch.size;
  }

  seen(address: Address, record: TaskRecord): void {
    if (record.children === undefined && this.watch.size === 0) return;
    const targets = isTerminal(record.status) ? [] : openChildren(record);
    if (targets.length === 0) return this.forget(address);
    const { id, children, waiting, waitsOver } = record;
    const known = {
      ...(children === undefined ? {} : { children }),
      ...(waiting === undefined ? {} : { waiting }),
      ...(waitsOver === undefined ? {} : { waitsOver }),
    };
    if (this.watch.get(address)?.id !== id) this.dropNews(address);
    this.watch.set({ address, id, targets, record: known });
    const news = this.news.get(address);
    if (news === undefined) return;
    for (const one of news.ends.keys()) if (!targets.some((child) => child.id === one)) news.ends.delete(one);
    this.plan(address, news);
  }

  forget(address: Address): void {
    if (this.watch.size === 0) return;
    this.watch.remove(address);
    this.dropNews(address);
  }

  look(): void {
    this.watch.look();
  }

  stop(): void {
    this.watch.stop();
    for (const address of this.news.keys()) this.dropNews(address);
  }

  private dropNews(address: Address): void {
    this.news.get(address)?.timer?.cancel();
    this.news.delete(address);
  }

  private learn({ address, id }: ParentTask, fates: ReadonlyMap<string, Fate>): void {
    // As it is known now: it may have been told meanwhile.
    const parent = this.watch.get(address);
    if (parent === undefined || parent.id !== id) return;
    const news = this.news.get(address) ?? {
      ...{ ends: new Map(), shares: new Map(), writtenAt: Number.NEGATIVE_INFINITY },
      ...{ failures: 0, isBusy: false, timer: undefined },
    };
    for (const child of parent.targets) {
      const fate = fates.get(child.id);
      if (fate === undefined) continue;
      if (fate.kind !== 'open') news.ends.set(child.id, fate);
      else noteShare(news, child, fate.record);
    }
    if (news.ends.size + news.shares.size === 0) return;
    this.news.set(address, news);
    this.plan(address, news);
  }

  /** Sets the time of the next write, or brings it forward. */
  private plan(address: Address, news: News): void {
    if (news.isBusy || news.ends.size + news.shares.size === 0) return;
    const { clock, chance } = this.options;
    const now = clock.monotonic();
    let at = news.writtenAt + (news.ends.size > 0 ? ENDS_MS : SHARES_MS);
    if (news.failures > 0) at = Math.max(at, now + backoffDelayMs(AGAIN, news.failures, chance.random()));
    else if (this.endsWait(address, news)) at = now;
    if (news.timer !== undefined) {
      if (news.timer.at <= at) return;
      news.timer.cancel();
    }
    const { cancel } = clock.after(Math.max(0, at - now), () => {
      news.timer = undefined;
      void this.write(address, news);
    });
    news.timer = { at, cancel };
  }

  /** With what was found, its handler waits no longer. */
  private endsWait(address: Address, { ends }: News): boolean {
    const record = this.watch.get(address)?.record;
    if (record?.waiting === undefined || !('children' in record.waiting)) return false;
    const children = (record.children ?? []).map((child): Child => {
      const fate = child.end === undefined ? ends.get(child.id) : undefined;
      return fate === undefined ? child : { ...child, end: { status: statusOf(fate), at: 0 } };
    });
    return answerOfChildren({ ...record, children }, record.waiting) !== undefined;
  }

  /** Never rejects. */
  private async write(address: Address, news: News): Promise<void> {
    const parent = this.watch.get(address);
    if (parent === undefined || this.news.get(address) !== news || this.watch.isStopped) return;
    news.isBusy = true;
    const ends = new Map(news.ends);
    const shares = new Map(news.shares);
    const isDone = await this.tell(parent, ends, shares).catch((error: unknown) => {
      const level = error instanceof BatonError ? 'debug' : 'error';
      this.options.log[level]({ err: error, address }, 'a task could not be told of its children; tried again');
      return false;
    });
    news.isBusy = false;
    news.failures = isDone ? 0 : news.failures + 1;
    news.writtenAt = this.options.clock.monotonic();
    if (isDone) {
      for (const [id, fate] of ends) if (news.ends.get(id) === fate) news.ends.delete(id);
      for (const [id, share] of shares) if (news.shares.get(id) === share) news.shares.delete(id);
    }
    if (this.news.get(address) === news && !this.watch.isStopped) this.plan(address, news);
  }

  private async tell(parent: ParentTask, found: News['ends'], far: News['shares']): Promise<boolean> {
    const { kernel, clock, ports } = this.options;
    const { address, id } = parent;
    const at = clock.now();
    const ends = await Promise.all(
      [...found].map(async ([child, fate]): Promise<{ readonly id: string; readonly end: NotedEnd }> => {
        if (fate.kind === 'gone') return { id: child, end: { status: 'gone', at } };
        const { record } = fate;
        return {
          id: child,
          end: await endFor(ports.data, parent, { id: child, onFailure: 'continue' }, record, record.endedAt ?? at),
        };
      }),
    );
    const shares = [...far].map(([child, share]) => ({ id: child, share }));
    const asked = await kernel.ask(address, () => ({ kind: 'note-children', at, id, ends, shares }), { urgent: true });
    return this.told(address, asked);
  }

  private told(address: Address, asked: Asked): boolean {
    const { learned, log } = this.options;
    switch (asked.kind) {
      case 'done':
        learned(address, asked.revision, asked.record, asked.bytes !== undefined);
        return true;
      case 'refused':
        if (asked.held !== undefined) learned(address, asked.held.revision, asked.held.record, false);
        else this.forget(address);
        return true;
      case 'failed':
      case 'unknown':
        log.debug({ err: asked.cause, address }, 'a task could not be told of its children; tried again');
        return false;
    }
  }
}

const statusOf = (fate: Exclude<Fate, { kind: 'open' }>): NotedEnd['status'] =>
  fate.kind === 'ended' && isTerminal(fate.record.status) ? fate.record.status : 'gone';

const noteShare = (news: News, { id, share: known }: Child, record: TaskRecord | undefined): void => {
  const share = record === undefined ? undefined : shareOf(record);
  if (share === undefined || share === known) news.shares.delete(id);
  else news.shares.set(id, share);
};
