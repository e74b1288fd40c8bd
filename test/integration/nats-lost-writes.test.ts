// limit: 120s
// A server that does not wait for its disk has lost its last writes with its power, and those who read it live on.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNats } from '@baton/local';
import { connectPorts, type NatsPorts } from '@baton/nats';
import { allPartitions } from '@baton/protocols';
import { BatonError, type EntryReader, type Version } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats lost writes');

const write = async ({ store }: NatsPorts, from: number, to: number): Promise<void> => {
  for (let i = from; i < to; i++) {
    const address = sampleAddress(`k${i}`);
    await eventually(async () => assert.is((await store.write(address, sampleBytes(`k${i}`), 0)).kind, 'written'));
  }
};

/** Revisions that are read and acknowledged, until the last one. */
const readTo = async (reader: EntryReader<Version>, last: number): Promise<readonly number[]> => {
  const read: number[] = [];
  await eventually(async () => {
    try {
      const batch = await reader.next(100, 200);
      read.push(...batch.entries.map(({ revision }) => revision));
      if (batch.last > 0) await batch.ack();
    } catch (fault) {
      if (!(fault instanceof BatonError)) throw fault;
    }
    assert.is(read.at(-1), last);
  });
  return read;
};

test(
  'what comes after it is read by those who had read further, and a feed is followed anew',
  async ({ defer }) => {
    const server = await startNats({ durability: 'durable' });
    defer(() => server.stop());
    const ports = await connectPorts({ servers: server.url, onFault: () => undefined });
    defer(() => ports.close());
    const heard: number[] = [];
    const lost: string[] = [];
    const follow = () =>
      ports.feed.follow(allPartitions(), {
        entry: ({ revision }) => void heard.push(revision),
        caughtUp: () => undefined,
        lost: (cause) => void lost.push(cause.message),
      });
    const feed = await follow();
    defer(() => feed.close());
    const reader = await ports.projections.reader('documents');
    defer(() => reader.close());

    await write(ports, 0, 10);
    await readTo(reader, 10);
    await server.kill();
    const store = join(server.dataDir, 'jetstream');
    const kept = await mkdtemp(join(tmpdir(), 'baton-kept-'));
    defer(() => rm(kept, { recursive: true, force: true }));
    await cp(store, kept, { recursive: true });
    await server.restart();
    await write(ports, 10, 20);
    await readTo(reader, 20);
    await eventually(() => assert.is(heard.at(-1), 20));

    await server.kill();
    await rm(store, { recursive: true });
    await cp(kept, store, { recursive: true });
    await server.restart();
    heard.length = 0;
    await write(ports, 30, 33);
    const read = await readTo(reader, 13);
    assert.equal(read.slice(-3), [11, 12, 13]);
    assert.is((await ports.projections.progress('documents'))?.behind, 0);
    await eventually(() => assert.match(lost.join(), /has lost its last writes/));
    const again = await follow();
    defer(() => again.close());
    await eventually(() => assert.is(heard.at(-1), 13));
  },
  { limitMs: 60_000 },
);

test.run();
