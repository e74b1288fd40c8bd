import type { Command, Policy, TaskRecord, TaskSpec, WhenAborting } from '@baton/core';
import { addressOf, readRecord, type Address, type Lane } from '@baton/protocols';
import {
  createKernel,
  createSupervisor,
  silentLog,
  WorkerQueues,
  type Asked,
  type Supervisor,
  type SupervisorTimings,
} from '@baton/runtime';
import {
  createMemoryWorld,
  createVirtualClock,
  type MemoryNode,
  type MemoryWorld,
  type VirtualClock,
} from '@baton/testkit';

/** A world with supervisors in it, and tasks that are driven by hand: no worker code takes part. */
export type Stage = {
  readonly clock: VirtualClock;
  readonly world: MemoryWorld;
  /** `id`: the name it goes by, that of its process when not given. */
  readonly supervise: (name: string, timings?: Partial<SupervisorTimings>, id?: string) => Promise<Supervisor>;
  /** A process that holds a lease as a worker. */
  readonly worker: (name: string) => Promise<MemoryNode>;
  readonly submit: (key: string, options?: SubmitOptions) => Promise<Address>;
  /** `worker` takes the task, without any queue. */
  readonly claim: (address: Address, worker: string) => Promise<TaskRecord>;
  readonly tell: (address: Address, make: (record: TaskRecord) => Command, as?: string) => Promise<Asked>;
  readonly record: (address: Address) => TaskRecord;
  /** Tasks were offered to a worker that takes none of them: their keys, without those that do not wait any more. */
  readonly offered: () => readonly string[];
  /** All that was offered so far, in order. */
  readonly offers: readonly { readonly key: string; readonly revision: number; readonly at: number }[];
};

export type SubmitOptions = {
  readonly policy?: Policy;
  readonly runAt?: number;
  readonly host?: string;
  readonly whenAborting?: WhenAborting;
};

export const LANE: Lane = { queue: 'default', priority: 'normal', type: 'job' };
export const addressFor = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

/** `onlooker`: whether there is a worker that is told of everything and claims nothing. */
export const createStage = (seed: number | string = 1, { onlooker = true } = {}): Stage => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs: [0, 2] });
  const tell: Stage['tell'] = (address, make, as = 'outside') =>
    clock.settle(
      createKernel(world.ports(as)).ask(address, (held) => {
        if (held === undefined) throw new Error(`there is no task at ${address}`);
        return make(held.record);
      }),
    );
  const offers = onlooker ? watchOffers(world, clock) : [];
  const stage: Stage = {
    clock,
    world,
    tell,
    supervise: async (name, timings = {}, id = name) => {
      const supervisor = createSupervisor(world.ports(name), { id, log: silentLog, timings });
      await clock.settle(supervisor.start());
      return supervisor;
    },
    worker: async (name) => {
      const node = world.node(name);
      const info = { role: 'worker', id: name, host: 'h', pid: 1, startedAt: clock.now(), state: 'ready' } as const;
      await clock.settle(node.ports.presence.hold(info, { lost: () => {}, regained: () => {} }));
      return node;
    },
    submit: (key, options = {}) => submit(stage, key, options),
    claim: (address, worker) => claim(stage, address, worker),
    record: (address) => {
      const entry = world.heads().find((head) => head.address === address);
      const reading = entry === undefined ? undefined : readRecord(entry.bytes);
      if (reading?.kind !== 'record') throw new Error(`there is no record at ${address}`);
      return reading.record;
    },
    offered: () => [
      ...new Set(
        offers.flatMap(({ key }) => {
          const head = world.heads().find(({ address }) => address === addressFor(key));
          const reading = head === undefined ? undefined : readRecord(head.bytes);
          return reading?.kind === 'record' && reading.record.status === 'pending' ? [key] : [];
        }),
      ),
    ],
    offers,
  };
  return stage;
};

/** A worker that is told of everything and claims nothing. */
const watchOffers = (world: MemoryWorld, clock: VirtualClock): { key: string; revision: number; at: number }[] => {
  const offers: { key: string; revision: number; at: number }[] = [];
  const ports = world.ports('onlooker');
  const info = { role: 'worker', id: 'onlooker', host: 'h', pid: 1, startedAt: clock.now(), state: 'ready' } as const;
  void ports.presence.hold(info, { lost: () => {}, regained: () => {} });
  const queues = new WorkerQueues({
    ...ports,
    worker: 'onlooker',
    queues: [LANE.queue],
    types: [LANE.type],
    log: silentLog,
    offered: ({ address, revision }) => {
      const head = world.heads().find((entry) => entry.address === address);
      const reading = head === undefined ? undefined : readRecord(head.bytes);
      if (reading?.kind === 'record') offers.push({ key: reading.record.key, revision, at: clock.now() });
      queues.setFree(PLENTY);
    },
  });
  queues.setFree(PLENTY);
  return offers;
};

const PLENTY = 1_000_000;

const submit = async ({ world, clock }: Stage, key: string, options: SubmitOptions): Promise<Address> => {
  const { policy = {}, runAt, host, whenAborting = 'queue' } = options;
  const ports = world.ports('outside');
  const address = addressFor(key);
  const spec: TaskSpec = {
    id: ports.chance.uuid(),
    type: 'job',
    key,
    name: key,
    scope: 'shared',
    queue: 'default',
    priority: 'normal',
    mode: host === undefined ? 'async' : 'sync',
    policy,
    ...(runAt === undefined ? {} : { runAt }),
    ...(host === undefined ? {} : { host }),
  };
  const actor = { user: 'alice', admin: false };
  const at = ports.clock.now();
  const asked = await clock.settle(
    createKernel(ports).ask(address, () => ({ kind: 'submit', at, actor, spec, whenAborting })),
  );
  if (asked.kind !== 'done' || asked.bytes === undefined) throw new Error(`not submitted: ${asked.kind}`);
  return address;
};

const claim = async ({ world, clock }: Stage, address: Address, worker: string): Promise<TaskRecord> => {
  const ports = world.ports(worker);
  const asked = await clock.settle(
    createKernel(ports).ask(address, (held) => ({
      kind: 'claim',
      at: ports.clock.now(),
      id: held?.record.id ?? '',
      worker,
      epoch: ports.store.epoch,
      revision: held?.revision ?? 0,
      offered: held?.revision ?? 0,
    })),
  );
  if (asked.kind !== 'done') throw new Error(`not claimed: ${asked.kind}`);
  return asked.record;
};

/** The fence a task is owned under. */
export const fenceOf = (record: TaskRecord) => {
  if (record.owner === undefined) throw new Error('nobody owns the task');
  return record.owner.fence;
};

/** Lets time pass until it holds; how long that took, milliseconds. */
export const until = async ({ clock }: Stage, limitMs: number, holds: () => boolean): Promise<number> => {
  const start = clock.monotonic();
  while (!holds()) {
    if (clock.monotonic() - start > limitMs) throw new Error(`not within ${limitMs} ms`);
    await clock.advance(50);
  }
  return clock.monotonic() - start;
};
