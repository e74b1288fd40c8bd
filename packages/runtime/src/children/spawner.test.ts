import type { TaskRecord } from '@baton/core';
import { addressOf } from '@baton/protocols';
import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Catalogue } from '../definitions/catalogue.ts';
import { createKernel } from '../kernel.ts';
import { silentLog as log } from '../log.ts';
import { StopReason } from '../run/context.ts';
import type { Told } from '../run/owned-task.ts';
import { Spawner } from './spawner.ts';

const test = suite('spawner');

const parent = { id: 'parent', scope: 'shared', subscribers: [] } as unknown as TaskRecord;

test('G3 why a child is not named in the record of its parent is told as it is', async () => {
  const clock = createVirtualClock();
  const ports = createMemoryWorld({ clock }).ports('worker');
  const { definitions } = ports;
  const submits = {
    ...{ ports, log, kernel: createKernel(ports), unknownTypes: 'accept' as const },
    catalogue: new Catalogue({ definitions, clock: ports.clock, log }),
  };
  const spawnedWhere = async (told: Told): Promise<unknown> => {
    const spawner = new Spawner({
      submits,
      address: addressOf({ scope: 'shared', type: 'whole', key: 'k' }),
      task: { record: parent, tell: async () => told },
      fence: { epoch: 1, revision: 1 },
      dataLimit: 1_000,
    });
    const order = { request: () => ({ type: 'part', overrides: {} }), args: [], leave: false };
    return clock.settle(
      spawner
        .spawn(order, () => undefined)
        .then(
          () => 'spawned',
          (error) => (error instanceof StopReason ? error.cause : error.code),
        ),
    );
  };
  const refused = (reason: string): Told => ({ kind: 'refused', reason, held: undefined });
  assert.is(await spawnedWhere(refused('children_full')), 'CHILDREN_FULL');
  assert.is(await spawnedWhere(refused('record_full')), 'RECORD_FULL');
  assert.is(await spawnedWhere(refused('PAYLOAD_TOO_LARGE')), 'RECORD_FULL');
  assert.is(await spawnedWhere({ kind: 'lost' }), 'lease_lost');
});

test.run();
