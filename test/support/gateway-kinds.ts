import type { WorkerCommand } from '@baton/core';
import { createKernel, type TaskDefinition } from '@baton/runtime';
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { ADMIN, type GatewaySystem } from './gateway-fixture.ts';

/** Kinds of tasks and of callers for tests of who may do what, and the table of who sees what, written by hand. */

export const ACTORS = ['anonymous', 'alice', 'carol', 'bob', ADMIN] as const;
export type ActorName = (typeof ACTORS)[number];

/** alice makes all but the system ones; carol subscribes to the shared ones; bob has nothing to do with any. */
export const KINDS = [
  'private',
  'shared',
  'shared, alice alone',
  'system',
  'private, ended',
  'shared, ended',
  'private, running, not abortable',
  'shared, running, not abortable',
  'shared, running, abortable',
  'private, aborting',
  'absent',
  'malformed',
] as const;
export type Kind = (typeof KINDS)[number];

/** Who may know of it; anonymous never does. Written by hand from the table of scopes. */
export const SEEN_BY: Readonly<Record<Kind, readonly ActorName[]>> = {
  private: ['alice', ADMIN],
  shared: ['alice', 'carol', ADMIN],
  'shared, alice alone': ['alice', ADMIN],
  system: [ADMIN],
  'private, ended': ['alice', ADMIN],
  'shared, ended': ['alice', 'carol', ADMIN],
  'private, running, not abortable': ['alice', ADMIN],
  'shared, running, not abortable': ['alice', 'carol', ADMIN],
  'shared, running, abortable': ['alice', 'carol', ADMIN],
  'private, aborting': ['alice', ADMIN],
  absent: [],
  malformed: [],
};

const definition = (scope: TaskDefinition['scope']): TaskDefinition => ({
  type: 'access.job',
  handler: () => undefined,
  scope,
  queue: 'default',
  priority: 'normal',
  policy: {},
});

export const ABSENT = '01900000-0000-7000-8000-000000000000';

/** A task of that kind, and nobody else's: each call makes another one. */
export const make = async (system: GatewaySystem, kind: Kind): Promise<string> => {
  if (kind === 'absent') return ABSENT;
  if (kind === 'malformed') return "1'); $where";
  const { baton, ports } = system;
  const alice = baton.as({ id: 'alice' });
  const scope = kind.startsWith('private') ? 'private' : kind === 'system' ? 'system' : 'shared';
  const options = { taskKey: `secret-key-${ports.chance.uuid()}`, taskName: 'a secret name' };
  const owner = scope === 'system' ? baton.as({ id: ADMIN, admin: true }) : alice;
  const handle = await owner.schedule(definition(scope), ['a secret argument'], options);
  if (scope === 'shared' && !kind.includes('alone')) {
    await baton.as({ id: 'carol' }).schedule(definition('shared'), ['a secret argument'], options);
  }
  if (kind.includes('ended'))
    await baton
      .as({ id: ADMIN, admin: true })
      .open(handle)
      .then((task) => task.cancel({ force: true }));
  if (kind.includes('running') || kind.includes('aborting')) await run(system, handle, !kind.includes('not abortable'));
  if (kind.includes('aborting')) await (await alice.open(handle)).cancel();
  return handle.uuid;
};

/** What a worker would write, without one. */
const run = async ({ ports }: GatewaySystem, { address, uuid }: TaskHandle, abortable: boolean): Promise<void> => {
  const kernel = createKernel(ports);
  const { epoch } = ports.store;
  const claimed = await kernel.ask(address, (held) => {
    const revision = held?.revision ?? 0;
    return { kind: 'claim', at: Date.now(), id: uuid, worker: 'w-secret-host', epoch, revision, offered: revision };
  });
  assert.is(claimed.kind, 'done');
  if (!abortable) return;
  const fence = claimed.kind === 'done' ? claimed.record.owner?.fence : undefined;
  const command: WorkerCommand = { kind: 'make-abortable', at: Date.now(), fence: fence ?? { epoch, revision: 0 } };
  assert.is((await kernel.ask(address, () => command)).kind, 'done');
};

export const asOf = (actor: ActorName): { readonly as?: string } => (actor === 'anonymous' ? {} : { as: actor });
export const path = (id: string, rest = ''): string => `/api/v1/task/${encodeURIComponent(id)}${rest}`;
