import { createKernel, startProjector, type Log, type Projector, type ProjectorOptions } from '@baton/runtime';
import { createMemoryViews, createMemoryWorld, createVirtualClock, type MemoryViews } from '@baton/testkit';
import { jobAddress, taskLives } from './task-life.ts';

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
  const lives = taskLives({
    ask: async (at, make) => {
      const asked = await clock.settle(kernel.ask(at, make));
      if (asked.kind !== 'done') throw new Error(`the command was not carried out: ${asked.kind}`);
      return asked;
    },
    now: () => clock.now(),
    uuid: () => ports.chance.uuid(),
    epoch: ports.store.epoch,
  });
  const heads = (): readonly string[] => world.heads().map((entry) => entry.address);
  return { clock, world, views, ports, start, address: jobAddress, ...lives, heads, lines, log };
};
