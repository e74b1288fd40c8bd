// What the server repeats of a bucket is sent once: what is dropped on the way is read all the same.
import type { BatonError, Schedules } from '@baton/runtime';
import * as assert from 'uvu/assert';
import type { NatsWire } from '../../packages/nats/src/connect.ts';
import { eventually } from '../support/eventually.ts';
import { openNatsSystem, type NatsSystem } from '../support/nats-ports.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats buckets');

/** From now on what is listened to comes only where `passes` says so. */
const filtered = ({ nc }: NatsWire, passes: (subject: string) => boolean): void => {
  const subscribe = nc.subscribe.bind(nc);
  nc.subscribe = (subject, { callback, ...options } = {}) =>
    subscribe(subject, {
      ...options,
      callback: (error, msg) => {
        if (error !== null || passes(msg.subject)) void callback?.(error, msg);
      },
    });
};

const following = async (schedules: Schedules) => {
  const told: string[] = [];
  const lost: BatonError[] = [];
  let isCaughtUp = false;
  const { close } = await schedules.follow({
    entry: ({ address, revision }) => void told.push(`${address} ${revision}`),
    caughtUp: () => (isCaughtUp = true),
    lost: (cause) => void lost.push(cause),
  });
  await eventually(() => assert.ok(isCaughtUp));
  return { told, lost, close };
};

const write = async (system: NatsSystem, ...keys: readonly string[]): Promise<void> => {
  const { wire } = await system.ports('writer');
  for (const key of keys) await wire.publisher.publish(system.names.scheduleSubject(key), Uint8Array.of(1));
};

test('a change whose repeat was dropped is told, whether others were heard behind it or none', async ({ defer }) => {
  const system = await openNatsSystem({ consumerCheckMs: 100 });
  defer(() => system.close());
  await write(system, 'a', 'b');
  const { schedules, wire } = await system.ports('a');
  const dropped = ['a', 'c', 'd'].map((key) => `${system.names.scheduledPrefix}${key}`);
  filtered(wire, (subject) => !dropped.includes(subject));
  const { told, close } = await following(schedules);
  defer(close);
  assert.equal(told.splice(0).sort(), ['a 1', 'b 2']);
  await write(system, 'a', 'b');
  await eventually(() => assert.equal(told.toSorted(), ['a 3', 'b 4']));
  await write(system, 'c', 'd');
  await eventually(() => assert.equal(told.slice(2), ['c 5', 'd 6']));
});

test('a bucket that is made anew under a follower is followed no more', async ({ defer }) => {
  const system = await openNatsSystem({ consumerCheckMs: 100 });
  defer(() => system.close());
  await write(system, 'a', 'b');
  const { schedules } = await system.ports('a');
  const { lost, close } = await following(schedules);
  defer(close);
  const { config } = await system.jsm.streams.info(system.names.schedulesStream);
  await system.jsm.streams.delete(system.names.schedulesStream);
  await system.jsm.streams.add(config);
  await write(system, 'c', 'd', 'e');
  await eventually(() => assert.is(lost.length, 1));
  const again = await following(schedules);
  defer(again.close);
  assert.equal(again.told.toSorted(), ['c 1', 'd 2', 'e 3']);
});

test.run();
