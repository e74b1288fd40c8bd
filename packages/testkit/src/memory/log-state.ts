import { EVENTS_DUPLICATES_MS, EVENTS_MAX_AGE_MS } from '@baton/protocols';
import type { LoggedEntry } from '@baton/runtime';
import { Durables, type Stored } from './durable.ts';

export type LogMessage = Stored & {
  readonly content:
    | { readonly kind: 'record'; readonly entry: LoggedEntry }
    | { readonly kind: 'unreadable'; readonly bytes: Uint8Array; readonly reason: string };
};

/** The event log: what was appended to it, for some days. */
export class LogState {
  readonly durables: Durables<LogMessage>;
  private readonly clock: { readonly now: () => number; readonly monotonic: () => number };
  private readonly messages: (LogMessage & { readonly monotonicAt: number })[] = [];
  private readonly watchers = new Set<() => void>();

  constructor(clock: { readonly now: () => number; readonly monotonic: () => number }) {
    this.clock = clock;
    this.durables = new Durables(
      {
        after: (sequence) => this.kept().filter((message) => message.sequence > sequence),
        watch: (watcher) => this.watch(watcher),
      },
      clock,
    );
  }

  append(content: LogMessage['content']): number {
    const monotonicAt = this.clock.monotonic();
    const known = content.kind === 'record' ? this.sameAs(content.entry, monotonicAt) : undefined;
    if (known !== undefined) return known;
    const sequence = this.messages.length + 1;
    this.messages.push({ sequence, storedAt: this.clock.now(), monotonicAt, content });
    for (const watcher of [...this.watchers]) watcher();
    return sequence;
  }

  /** What is still kept, in order. */
  kept(): readonly LogMessage[] {
    const since = this.clock.monotonic() - EVENTS_MAX_AGE_MS;
    return this.messages.filter(({ monotonicAt }) => monotonicAt > since);
  }

  private sameAs({ epoch, revision }: LoggedEntry, now: number): number | undefined {
    return this.messages.findLast(
      ({ content, monotonicAt }) =>
        content.kind === 'record' &&
        content.entry.epoch === epoch &&
        content.entry.revision === revision &&
        monotonicAt > now - EVENTS_DUPLICATES_MS,
    )?.sequence;
  }

  private watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}
