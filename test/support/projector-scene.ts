import type { Command } from '@baton/core';
import { addressOf, type Address } from '@baton/protocols';
import {
  createKernel,
  startProjector,
  type Held,
  type Log,
  type Projector,
  type ProjectorOptions,
} from '@baton/runtime';
import { createMemoryViews, createMemoryWorld, createVirtualClock, type MemoryViews } from '@baton/testkit';

type Line = { readonly level: string; readonly fields: Record<string, unknown>; readonly text: string };

const recordingLog = (): { readonly log: Log; readonly lines: Line[] } => {
  const lines: Line[] = [];
  const method =
    (level: string) =>
    (fields: unknown, text?: string): void =>
      void lines.push(
        text === undefined
          ? { level, fields: {}, text: String(fields) }
          : { level, fields: fields as Line['fields'], text },
      );
  const log: Log = {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
    child: () => log,
  };
  return { log, lines };
};

/** A world in memory with tasks that live without workers, and projectors into views in memory. */
export const projectorScene = (seed = 1) => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed });
  const views = createMemoryViews();
  const ports = world.ports('services');
  const kernel = createKernel(ports);
  const { log, lines } = recordingLog();

  const start = (name = 'projector', options: ProjectorOptions = {}, into: MemoryViews = views): Promise<Projector> =>
    clock.settle(startProjector(world.ports(name), into, { log, ...options }));
  const address = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });
  const ask = async (key: string, make: (held: Held | undefined) => Command): Promise<Held> => {
    const asked = await clock.settle(kernel.ask(address(key), make));
    if (asked.kind !== 'done') throw new Error(`the command was not carried out: ${asked.kind}`);
    return asked;
  };
  const submit = (key: string): Promise<Held> => {
    const id = ports.chance.uuid();
    const spec = {
      id,
      type: 'job',
      key,
      name: key,
      scope: 'shared',
      queue: 'default',
      priority: 'normal',
      mode: 'async',
      policy: {},
    } as const;
    return ask(key, () => ({
      kind: 'submit',
      at: clock.now(),
      actor: { user: 'alice', admin: false },
      spec,
      whenAborting: 'queue',
    }));
  };
  const claim = (key: string): Promise<Held> =>
    ask(key, (held) => ({
      kind: 'claim',
      at: clock.now(),
      id: held?.record.id ?? '',
      worker: 'w',
      epoch: ports.store.epoch,
      revision: held?.revision ?? 0,
      offered: held?.revision ?? 0,
    }));
  const finish = (key: string): Promise<Held> =>
    ask(key, (held) => ({
      kind: 'finish',
      at: clock.now(),
      fence: held?.record.owner?.fence ?? { epoch: 0, revision: 0 },
      body: { kind: 'returned' },
      handlerErrors: [],
      abortHandled: true,
      random: 0,
    }));
  const live = async (key: string): Promise<Held> => {
    await submit(key);
    await claim(key);
    return finish(key);
  };
  const heads = (): readonly string[] => world.heads().map((entry) => entry.address);
  return { clock, world, views, ports, start, address, submit, claim, finish, live, heads, lines, log };
};
