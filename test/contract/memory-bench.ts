import { createMemoryWorld, createVirtualClock, type MemoryWorldOptions } from '@baton/testkit';
import type { WithBench } from './bench.ts';

/** The in-memory world under virtual time, which passes by itself while the body waits. */
export const memoryBench =
  (options: Pick<MemoryWorldOptions, 'latencyMs' | 'tasksMaxBytes'> & { readonly seed: number }): WithBench =>
  async (body) => {
    const clock = createVirtualClock({ seed: options.seed });
    const world = createMemoryWorld({ clock, ...options });
    const mute = ['store.write', 'store.load'] as const;
    await clock.settle(
      body({
        clock,
        ports: async (process = 'main') => world.ports(process),
        cut: async (process) => world.node(process).disconnect(),
        mend: async () => world.heal(),
        muteServer: async (node) => {
          for (const op of mute) world.inject({ op, fault: 'lost-reply', node });
        },
        askWork: (what, bytes, timeoutMs) => {
          const [verb = '', type] = what.split('.');
          const question = { verb, bytes, contentType: 'application/json', ...(type === undefined ? {} : { type }) };
          return world.ask(question, timeoutMs);
        },
        putUnreadable: async (bytes) => world.putUnreadable(bytes, 'not a record'),
      }),
    );
  };
