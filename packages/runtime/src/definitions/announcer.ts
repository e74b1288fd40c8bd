import type { TypeDefinition } from '@baton/core';
import { ANNOUNCE_MS } from '@baton/protocols';
import type { Ports } from '../ports.ts';
import type { Subscription } from '../ports/environment.ts';

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

  constructor(parts: AnnouncerParts) {
    const { ports } = parts;
    this.parts = parts;
    // By the server's clock: workers of different machines are put in an order by it.
    this.since = parts.since ?? ports.clock.now();
    this.ties = [ports.definitions.onAsked(() => this.tell()), ports.link.onReconnect(() => this.tell())];
    this.again();
  }

  stop(): void {
    this.timer?.cancel();
    for (const tie of this.ties) tie.close();
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
