import type { Entry, HeldTask, Term } from './entry.ts';
import { Gate, type Holder } from './gate.ts';
import type { Verdict } from './lines.ts';

/** A task that runs, as far as is known. */
export type Running<A extends string> = Holder & {
  readonly address: A;
  revision: number;
  /** See Told. */
  source: string;
  also: string | undefined;
  /** It was on offer when its watcher was lost: it may have been claimed under these. */
  readonly terms: Term[] | undefined;
};

/**
 * Who has a slot of a limited queue: what is on offer, what may still be claimed under terms that were given out, and what
 * runs. A slot belongs to a task and not to an offer, so a task that is offered twice has one.
 */
export class Slots<A extends string> {
  readonly gate = new Gate();
  readonly running = new Map<A, Running<A>>();
  /** On offer to nobody, and claimable under terms that are not void: they go before all others. */
  readonly bound = new Set<Entry<A>>();

  /** Of a task whose turn it is. */
  judge(entry: Entry<A>): Verdict {
    const block = this.gate.blockOf(entry);
    if (block === undefined) return 'start';
    const of = block.kind === 'paused' ? partOf(block.pause) : block.limit.of;
    switch (of) {
      case 'queue':
        return 'nothing';
      case 'type':
        return 'not_its_line';
      case 'group':
        entry.turn.blocked = true;
        return 'not_its_group';
    }
  }

  /** It runs. What it had a slot for before it keeps. */
  run(
    { address, revision, type, group = '', units }: HeldTask<A>,
    source: string,
    former: Holder | undefined,
    now: number,
  ): void {
    const known = this.running.get(address);
    const { holds, hasStarted } = former ?? known ?? { holds: false, hasStarted: false };
    const also = known === undefined || known.source === source || known.source === '' ? known?.also : known.source;
    const running: Running<A> = {
      also: also === source ? undefined : also,
      address,
      revision,
      source,
      type,
      group,
      units,
      holds,
      hasStarted,
      terms: undefined,
    };
    this.running.set(address, running);
    this.gate.take(running);
    this.gate.started(running, now);
  }

  /** Whoever watched it is not heard any more. It keeps its slot until somebody says what became of it. */
  orphan({ address, revision, type, group, units, holds, hasStarted, terms }: Entry<A>): void {
    this.running.set(address, {
      ...{ address, revision, source: '', also: undefined, type, group, units, holds, hasStarted },
      terms: terms ?? [],
    });
  }
}

const partOf = ({ type, group }: { readonly type?: string; readonly group?: string }) => {
  if (type !== undefined) return 'type';
  return group === undefined ? 'queue' : 'group';
};

/** Whether it can still be claimed under terms that were given out. */
export const isClaimable = (terms: readonly Term[] | undefined, now: number): boolean =>
  terms?.some(({ voidAt }) => voidAt > now) ?? false;
