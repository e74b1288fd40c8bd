import { createSupervisor, silentLog } from '@baton/runtime';
import { createBaton, type WorkerOptions } from '@baton/sdk';
import { createMemoryWorld, createVirtualClock, type MemoryNode } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { harmOne, type FaultShares } from './sim-faults.ts';

/** What a worker serves. `node`: its process, whose clock stands still with it. */
export type Serves = (node: MemoryNode) => Pick<WorkerOptions, 'tasks' | 'queues' | 'concurrency'>;

/** `supervisors`: how often one of them is harmed; the rest is a worker. */
export type Harm = FaultShares & { readonly supervisors: number };

export type SimRoom = ReturnType<typeof createSimRoom>;

/** A server in memory, virtual time, and supervisors and workers that are killed, frozen and cut off. */
export const createSimRoom = (seed: number) => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs: [0, 8] });
  const { chance } = world.ports('chance');
  const supervisors: MemoryNode[] = [];
  const workers: MemoryNode[] = [];
  let serves: Serves = () => ({ tasks: [] });
  let made = 0;

  const supervise = async (): Promise<MemoryNode> => {
    const node = world.node(`s${++made}`);
    await clock.settle(createSupervisor(node.ports, { id: node.name, log: silentLog }).start());
    return node;
  };
  const work = async (): Promise<MemoryNode> => {
    const node = world.node(`w${++made}`);
    const baton = createBaton({ ports: node.ports, nodeName: node.name });
    await clock.settle(baton.startWorker(serves(node)));
    return node;
  };

  return {
    clock,
    world,
    chance,
    supervisors,
    workers,
    work,
    /** By the clock of the server, whatever becomes of a process meanwhile. */
    pause: (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve)),
    /** So many processes of each, and such as take the place of those that are killed. */
    start: async (counts: { readonly supervisors: number; readonly workers: number }, what: Serves): Promise<void> => {
      serves = what;
      while (supervisors.length < counts.supervisors) supervisors.push(await supervise());
      while (workers.length < counts.workers) workers.push(await work());
    },
    /** One of them dies and another takes its place, or stands still or is cut off for a while. */
    harm: async ({ supervisors: share, ...shares }: Harm): Promise<void> => {
      const isSupervisor = chance.random() < share;
      await harmOne({ clock, chance }, isSupervisor ? supervisors : workers, isSupervisor ? supervise : work, shares);
    },
    /** Lets ten minutes pass at most, until nothing is left. */
    end: async (left: () => readonly string[]): Promise<void> => {
      for (let i = 0; i < 60 && left().length > 0; i++) await clock.advance(10_000);
      assert.equal(left(), []);
    },
  };
};
