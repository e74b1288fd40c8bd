import { definedFor, isSameLimits, type KeptDefinition, type ServedDefinition, type TypeLimit } from '@baton/core';
import type { Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import { placeOfQueue, type SettingsKernel } from '../queues/settings-actor.ts';
import type { SettingsBook } from '../queues/settings-book.ts';

export type LimitsOfTypesParts = {
  readonly kernel: SettingsKernel;
  readonly book: Pick<SettingsBook, 'isCurrent' | 'of' | 'all'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Types that were held back may be so no more. */
  readonly released: () => void;
};

/**
 * Carries what definitions say of limits into the settings of their queues, where whoever hosts a queue finds all that it
 * is held to (behaviour Q5). It stays there when no worker serves the type any more, as the definition does.
 *
 * A worker serves a type from its first moment on. So a type whose limits came up just now, and are not in the settings yet,
 * is held back: nothing of it starts before its limit counts.
 */
export class LimitsOfTypes {
  private readonly parts: LimitsOfTypesParts;
  /** Types whose limits are not known to be set, and the queue these are for; undefined: that is not decided yet. */
  private readonly open = new Map<string, string | undefined>();
  private readonly refused = new Set<string>();

  constructor(parts: LimitsOfTypesParts) {
    this.parts = parts;
  }

  /** A worker serves the type by this definition. */
  heard({ definition: { type, queue, limits } }: ServedDefinition): void {
    if (limits === undefined || limits.length === 0 || this.isSaid(queue, type)) return;
    this.open.set(type, undefined);
  }

  /** Nothing of the type may start in the queue now. */
  holdsBack(queue: string, type: string): boolean {
    if (this.open.size === 0 || !this.open.has(type)) return false;
    const decided = this.open.get(type);
    if (decided === undefined) return true;
    if (!this.isSaid(decided, type)) return decided === queue;
    this.open.delete(type);
    return false;
  }

  /** It is not decided yet by which definition the type is limited. */
  isOpen(type: string): boolean {
    return this.open.has(type) && this.open.get(type) === undefined;
  }

  /** What the definition says is set, as far as is known here. */
  isSet({ definition: { type, queue, limits = [] } }: KeptDefinition): boolean {
    const { book } = this.parts;
    if (!book.isCurrent || this.refused.has(type)) return true;
    return this.differing(type, queue, limits).length === 0;
  }

  /** Sets it; true: something was written, so the definition is to be looked at again. Rejects when that came to nothing. */
  async set({ definition: { type, queue, limits = [] }, worker }: KeptDefinition): Promise<boolean> {
    const { book, kernel, clock, log } = this.parts;
    // Nothing starts while that is not current; the next look comes back to it.
    if (!book.isCurrent) return false;
    let isNew = false;
    for (const each of this.differing(type, queue, limits)) {
      const said = each === queue ? limits : [];
      const asked = await kernel.ask(placeOfQueue(each), () => ({
        ...{ kind: 'define', at: clock.now(), actor: { admin: true }, queue: each, type, limits: said, worker },
      }));
      switch (asked.kind) {
        case 'done':
          isNew ||= asked.bytes !== undefined;
          this.refused.delete(type);
          break;
        case 'refused':
          if (asked.reason !== 'nothing_set') this.full(queue, type);
          break;
        case 'failed':
        case 'unknown':
          throw asked.cause;
      }
    }
    this.decided(type, limits.length === 0 ? undefined : queue);
    if (isNew) log.info({ type, queue, limits }, `the limits of ${type} are as it is defined now`);
    return isNew;
  }

  /** The definition is dead, and nobody serves the type. */
  forget(type: string): void {
    this.open.delete(type);
    this.refused.delete(type);
  }

  /**
   * Queues in which something else is said than the definition says. What is left in one the type has moved away from counts
   * on, for its tasks that are still there; without any limits it says nothing anywhere.
   */
  private differing(type: string, queue: string, limits: readonly TypeLimit[]): readonly string[] {
    const found = new Set<string>();
    const said = this.saidIn(queue, type);
    if (said !== undefined && !isSameLimits(said, limits)) found.add(queue);
    if (limits.length === 0)
      for (const each of this.parts.book.all().keys()) if (this.isSaid(each, type)) found.add(each);
    return [...found];
  }

  private decided(type: string, queue: string | undefined): void {
    if (!this.open.has(type)) return;
    if (queue === undefined) this.open.delete(type);
    else this.open.set(type, queue);
    this.parts.released();
  }

  private full(queue: string, type: string): void {
    if (this.refused.has(type)) return;
    this.refused.add(type);
    this.parts.log.error(
      { queue, type },
      `the limits of ${type} cannot be set: so many are set for queue ${queue} already; nothing of it starts, take some back`,
    );
  }

  private isSaid(queue: string, type: string): boolean {
    return (this.saidIn(queue, type)?.length ?? 0) > 0;
  }

  /** Undefined where it cannot be read, and nothing starts. */
  private saidIn(queue: string, type: string): readonly TypeLimit[] | undefined {
    const kept = this.parts.book.of(queue);
    return kept === 'unreadable' ? undefined : (definedFor(kept?.settings, type)?.limits ?? []);
  }
}
