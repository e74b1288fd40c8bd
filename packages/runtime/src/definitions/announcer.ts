import type { TypeDefinition } from '@baton/core';
import { ANNOUNCE_MS, digestOf } from '@baton/protocols';
import type { Ports } from '../ports.ts';
import { sideBySide } from '../side-by-side.ts';
import type { Subscription } from '../ports/environment.ts';

/** Longest time a worker that begins waits for its definitions to be kept, and how often it looks. */
const KEPT_MS = 1_500;
const FIRST_LOOK_MS = 4;
const LOOK_MS = 50;
/** A worker may serve a thousand types. */
const LOADS_AT_ONCE = 16;

export type AnnouncerParts = {
  readonly ports: Pick<Ports, 'definitions' | 'clock' | 'link'>;
  readonly worker: string;
  readonly definitions: readonly TypeDefinition[];
  /** Since when it serves them, by the server's clock; now when not given. */
  readonly since?: number;
};

/** Tells supervisors what a worker serves: at its start, when asked, after a reconnect, and now and then. */
export class Announcer {
  private readonly parts: AnnouncerParts;
  private readonly since: number;
  private readonly ties: readonly Subscription[];
  private timer: { readonly cancel: () => void } | undefined;
  private isStopped = false;

  constructor(parts: AnnouncerParts) {
    const { ports } = parts;
    this.parts = parts;
    // By the server's clock: workers of different machines are put in an order by it.
    this.since = parts.since ?? ports.clock.now();
    this.ties = [ports.definitions.onAsked(() => this.tell()), ports.link.onReconnect(() => this.tell())];
    this.again();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    for (const tie of this.ties) tie.close();
  }

  /**
   * Resolves when a supervisor has kept what the worker serves, or put it beside what stands: from then on it applies to
   * submits by name, at every door. Where no supervisor is there, or the store does not answer, after a while. Never
   * rejects.
   */
  async kept(limitMs = KEPT_MS): Promise<void> {
    const { ports, definitions } = this.parts;
    const { clock } = ports;
    const until = clock.monotonic() + limitMs;
    let open = definitions.map(publicPart);
    for (let ms = FIRST_LOOK_MS; !this.isStopped && clock.monotonic() < until; ms = Math.min(2 * ms, LOOK_MS)) {
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
      const left = new Set(open);
      await sideBySide(open, LOADS_AT_ONCE, async (definition) => {
        if (await this.isKept(definition)) left.delete(definition);
      });
      open = [...left];
      if (open.length === 0) return;
    }
  }

  private async isKept(definition: TypeDefinition): Promise<boolean> {
    const { ports, worker } = this.parts;
    try {
      const stored = await ports.definitions.load(definition.type);
      if (stored === undefined) return false;
      const { digest, since, conflicts } = stored.kept;
      return digest === digestOf(definition) || since > this.since || conflicts.some((one) => one.worker === worker);
    } catch {
      return false;
    }
  }

  private again(): void {
    this.tell();
    this.timer = this.parts.ports.clock.after(ANNOUNCE_MS, () => this.again());
  }

  private tell(): void {
    const { ports, worker, definitions } = this.parts;
    const { since } = this;
    ports.definitions.announce(
      worker,
      definitions.map((definition) => ({ since, definition: publicPart(definition) })),
    );
  }
}

/** What of a definition travels: all but functions and files. */
export const publicPart = (definition: TypeDefinition): TypeDefinition => {
  const {
    type,
    scope,
    queue,
    priority,
    group,
    limitKey,
    units,
    tags,
    policy,
    submit,
    limits,
    title,
    description,
    argsSchema,
  } = definition;
  return {
    ...{ type, scope, queue, priority, policy },
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    ...(submit === undefined ? {} : { submit }),
    ...(limits === undefined ? {} : { limits }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(argsSchema === undefined ? {} : { argsSchema }),
  };
};
