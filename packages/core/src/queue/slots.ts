import { Aside } from './aside.ts';
import { Crowds } from './crowds.ts';
import type { Entry, HeldTask, Running, Term } from './entry.ts';
import { Gate } from './gate.ts';
import type { Verdict } from './lines.ts';
import type { Told } from './told.ts';

/**
 * Who has a slot of a limited queue: what is on offer, what may still be claimed under terms that were given out, and what
 * runs. A slot belongs to a task and not to an offer, so a task that is offered twice has one.
 */
export class Slots<A extends string> {
  readonly gate = new Gate();
  readonly crowds = new Crowds<A>(this.gate);
  readonly running = new Map<A, Running<A>>();
  /** On offer to nobody, and claimable under terms that are not void: they go before all others. */
  readonly bound = new Set<Entry<A>>();
  /** Tasks that wait for room of their key. */
  readonly aside = new Aside<A>();

  /** Of a task whose turn it is. */
  judge(entry: Entry<A>): Verdict {
    const block = this.gate.blockOf(entry);
    const isHeldUp = (first: Entry<A>): boolean => this.gate.blockOf(first)?.of === 'key';
    switch (block?.of ?? (this.aside.isBefore(entry, isHeldUp) ? 'key' : undefined)) {
      case undefined:
        return 'start';
      case 'queue':
        return 'nothing';
      case 'type':
        return 'not_its_line';
      case 'group':
        if (block?.isOfType) (entry.turn.blockedTypes ??= new Set()).add(entry.type);
        else entry.turn.blocked = true;
        return 'not_its_group';
      case 'key':
        this.aside.push(entry);
        return 'not_this_one';
    }
  }

  /** It runs. What it had a slot for before it keeps. */
  run(
    { address, revision, type, group = '', limitKey = '', units, since = revision }: HeldTask<A>,
    told: Told,
    former: Entry<A> | undefined,
    { now, round }: { readonly now: number; readonly round: number },
  ): void {
    const known = this.running.get(address);
    const { holds, hasStarted } = former ?? known ?? { holds: false, hasStarted: false };
    const running: Running<A> = {
      address,
      revision,
      ...told,
      type,
      group,
      limitKey,
      units,
      holds,
      hasStarted,
      terms: undefined,
      since,
      age: former?.age ?? known?.age ?? since,
      leaving: known !== undefined && known.since === since && known.leaving,
      round,
    };
    this.running.set(address, running);
    this.crowds.run(running);
    this.gate.take(running);
    this.gate.started(running, now);
  }

  /** It runs no more. */
  end(running: Running<A>): void {
    this.running.delete(running.address);
    this.crowds.end(running);
  }

  /** Whoever watched it is not heard any more. It keeps its slot until somebody says what became of it. */
  orphan({ address, revision, type, group, limitKey, units, holds, hasStarted, terms, round, age }: Entry<A>): void {
    const running: Running<A> = {
      ...{ address, revision, source: '', also: undefined, type, group, limitKey, units, holds, hasStarted, age },
      terms: terms ?? [],
      since: revision,
      leaving: false,
      round,
    };
    this.running.set(address, running);
    this.crowds.run(running);
  }
}

/** Whether it can still be claimed under terms that were given out. */
export const isClaimable = (terms: readonly Term[] | undefined, now: number): boolean =>
  terms?.some(({ voidAt }) => voidAt > now) ?? false;
