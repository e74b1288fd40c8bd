import type { BodyOutcome, Command, TaskRecord } from '@baton/core';
import { createKernel, type Kernel, type Ports } from '@baton/runtime';
import {
  createMemoryWorld,
  createVirtualClock,
  recordedOf,
  type FaultRule,
  type MemoryWorld,
  type Recorded,
  type VirtualClock,
} from '@baton/testkit';
import { sampleAddress, sampleSpec } from '../support/sample-records.ts';

export const KEY = sampleAddress('k');

export type Scene = {
  readonly clock: VirtualClock;
  readonly world: MemoryWorld;
  readonly ports: Ports;
  readonly kernel: Kernel;
  /** Nonces this kernel has used: what it wrote carries one of them. */
  readonly nonces: string[];
};

export const scene = (seed: number, latencyMs: readonly [number, number] = [0, 2]): Scene => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs });
  const ports = world.ports('caller');
  const nonces: string[] = [];
  const nonce = (): string => {
    nonces.push(ports.chance.nonce());
    return nonces.at(-1) ?? '';
  };
  return { clock, world, ports, nonces, kernel: createKernel({ ...ports, chance: { ...ports.chance, nonce } }) };
};

export const historyOf = (world: MemoryWorld): readonly Recorded[] =>
  world.history().map((one) => recordedOf(one, one.epoch));

/** How often this kernel has stored something. */
export const writesOf = ({ world, nonces }: Scene): number =>
  historyOf(world).filter(({ record }) => nonces.includes(record.nonce ?? '')).length;

export type Name = 'submit' | 'join' | 'claim' | 'finish';
const idFor = { submit: 'mine', join: 'joiner', claim: 'theirs', finish: 'theirs' } as const satisfies Record<
  Name,
  string
>;

export const submitBy = (user: string, id: string, at: number): Command => ({
  kind: 'submit',
  at,
  actor: { user, admin: false },
  spec: sampleSpec({ id, key: 'k' }),
  whenAborting: 'queue',
});

export const claimBy = (
  worker: string,
  held: { readonly record: TaskRecord; readonly revision: number } | undefined,
  ports: Ports,
): Command => ({
  kind: 'claim',
  at: ports.clock.now(),
  id: held?.record.id ?? '',
  worker,
  epoch: ports.store.epoch,
  revision: held?.revision ?? 0,
  offered: held?.revision ?? 0,
});

export const finishOf = (
  fence: { readonly epoch: number; readonly revision: number },
  at: number,
  body: BodyOutcome,
): Command => ({
  kind: 'finish',
  at,
  fence,
  body,
  handlerErrors: [],
  abortHandled: true,
  random: 0.5,
});

/** Brings the actor where the command applies, by another process and without faults. */
export const prepare = async (
  name: Name,
  { clock, world }: Scene,
): Promise<{ readonly epoch: number; readonly revision: number }> => {
  const other = world.ports('other');
  const kernel = createKernel(other);
  if (name === 'submit') return { epoch: 0, revision: 0 };
  await clock.settle(kernel.ask(KEY, () => submitBy('bob', 'theirs', clock.now())));
  if (name !== 'finish') return { epoch: 0, revision: 0 };
  const asked = await clock.settle(kernel.ask(KEY, (held) => claimBy('caller', held, other)));
  if (asked.kind !== 'done' || asked.record.owner === undefined) throw new Error('not claimed');
  return asked.record.owner.fence;
};

export const command = (
  name: Name,
  { ports, clock }: Scene,
  fence: { readonly epoch: number; readonly revision: number },
): Parameters<Kernel['ask']>[1] => {
  switch (name) {
    case 'submit':
    case 'join':
      return () => submitBy('alice', idFor[name], clock.now());
    case 'claim':
      return (held) => claimBy('caller', held, ports);
    case 'finish':
      return () => finishOf(fence, clock.now(), { kind: 'returned' });
  }
};

/** The answer that is right when the command was carried out. */
export const expected = { submit: 'created', join: 'joined', claim: 'done', finish: 'done' } as const satisfies Record<
  Name,
  string
>;

export const rules: readonly FaultRule[] = [
  { op: 'store.write', fault: 'lost-request' },
  { op: 'store.write', fault: 'lost-reply' },
  { op: 'store.write', fault: 'late-apply', delayMs: 1 },
  { op: 'store.write', fault: 'late-apply', delayMs: 3_000 },
  { op: 'store.write', fault: 'refused' },
  { op: 'store.write', fault: 'delay', delayMs: 4_000 },
  { op: 'store.load', fault: 'lost-request' },
  { op: 'store.load', fault: 'refused' },
  { op: 'store.load', fault: 'delay', delayMs: 4_000 },
];
