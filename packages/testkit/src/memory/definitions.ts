import type { KeptDefinition, ServedDefinition } from '@baton/core';
import { digestOf } from '@baton/protocols';
import type { Definitions, Subscription } from '@baton/runtime';
import { follow, type Followed } from './followed.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, send, writeResultOf } from './wire.ts';

type Stored = { readonly kept: KeptDefinition; readonly revision: number };

/** The definitions bucket, and who listens to workers and to supervisors. */
export class DefinitionState {
  readonly stored = new Map<string, Stored>();
  readonly watchers = new Set<(stored: Stored) => void>();
  readonly announced = new Set<(offers: readonly ServedDefinition[]) => void>();
  readonly asked = new Set<() => void>();
  private count = 0;

  /** Undefined: something else stands there. */
  write(kept: KeptDefinition, expected: number): number | undefined {
    const { type } = kept.definition;
    if ((this.stored.get(type)?.revision ?? 0) !== expected) return undefined;
    const stored = { kept, revision: ++this.count };
    this.stored.set(type, stored);
    for (const watcher of [...this.watchers]) watcher(stored);
    return stored.revision;
  }
}

export const memoryDefinitions = (around: Surroundings, process: Process, state: DefinitionState): Definitions => ({
  announce: (worker, served) => {
    const offers = served.map(({ since, definition }) => ({ worker, since, digest: digestOf(definition), definition }));
    send(around, process, 'definition.announce', worker, () => {
      for (const listener of [...state.announced]) listener(offers);
    });
  },
  onAnnounced: (listener) => register(state.announced, process, (offers) => process.run(() => listener(offers))),
  ask: () =>
    send(around, process, 'definition.ask', '*', () => {
      for (const listener of [...state.asked]) listener();
    }),
  onAsked: (listener) => register(state.asked, process, () => process.run(listener)),
  load: async (type) => answerOf(await call(around, process, 'definition.load', type, () => state.stored.get(type))),
  write: async (kept, expected) =>
    writeResultOf(
      await call(around, process, 'definition.write', kept.definition.type, () => state.write(kept, expected)),
    ),
  follow: async ({ kept, caughtUp, lost }) => {
    const stored = (told: Stored): void => kept(told.kept, told.revision);
    const listener = { stored, caughtUp, lost };
    return answerOf(
      await call(around, process, 'definition.follow', '*', () => follow(around, process, bucketOf(state), listener)),
    );
  },
});

const register = <L>(listeners: Set<L>, process: Process, listener: L): Subscription => {
  listeners.add(listener);
  const ended = process.onEnd(() => listeners.delete(listener));
  return {
    close: () => {
      listeners.delete(listener);
      ended.close();
    },
  };
};

const bucketOf = ({ stored, watchers }: DefinitionState): Followed<Stored> => ({
  op: 'definition.kept',
  keyOf: ({ kept }) => kept.definition.type,
  stored: () => stored.values(),
  onWrite: (hear) => {
    watchers.add(hear);
    return () => watchers.delete(hear);
  },
});
