import type { KeptDefinition, ServedDefinition } from '@baton/core';
import { digestOf } from '@baton/protocols';
import { NotConnectedError, type Definitions, type DefinitionsListener, type Subscription } from '@baton/runtime';
import { Pipe } from './pipe.ts';
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
  follow: async (listener) =>
    answerOf(await call(around, process, 'definition.follow', '*', () => follow(around, process, state, listener))),
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

type Told = Stored | 'caught-up';

const follow = (
  around: Surroundings,
  process: Process,
  state: DefinitionState,
  listener: DefinitionsListener,
): Subscription => {
  const pipe = new Pipe<Told>(around, process, 'definition.kept', (told) => {
    if (told === 'caught-up') listener.caughtUp();
    else listener.kept(told.kept, told.revision);
  });
  const watch = (stored: Stored): void => pipe.push(stored, stored.kept.definition.type);
  for (const stored of state.stored.values()) watch(stored);
  pipe.push('caught-up', 'caught-up');
  const watching = register(state.watchers, process, watch);
  const close = (): void => {
    pipe.close();
    watching.close();
    lost.close();
  };
  const lost = process.onLoss(() => {
    close();
    process.run(() => listener.lost(new NotConnectedError('the connection was lost; follow again')));
  });
  return { close };
};
