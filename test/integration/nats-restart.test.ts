// limit: 240s
import { randomInt } from 'node:crypto';
import { startNats, type NatsServer } from '@baton/local';
import { connectPorts, type CommitMode, type NatsPorts } from '@baton/nats';
import { allPartitions, type Address } from '@baton/protocols';
import { BatonError, type Entry, type WriteResult } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats killed under load');

const WRITERS = 60;
const KILLS = 4;

/** Everything one writer did to its record, in order. */
type Deed = { readonly note: string; readonly expected: number; readonly result: WriteResult };

/**
 * One record, written again and again. After `unknown` the record is read back, as the kernel does, and the note in it
 * says whether the write arrived.
 */
const writer = async (ports: NatsPorts, key: string, running: () => boolean, deeds: Deed[]): Promise<void> => {
  const address = sampleAddress(key);
  let expected = 0;
  for (let i = 0; running(); i++) {
    const note = `${key}-${i}`;
    const result = await ports.store.write(address, sampleBytes(key, note), expected);
    deeds.push({ note, expected, result });
    if (result.kind === 'written') expected = result.revision;
    else expected = (await readBack(ports, address, running))?.revision ?? expected;
  }
};

const readBack = async (ports: NatsPorts, address: Address, running: () => boolean): Promise<Entry | undefined> => {
  while (running()) {
    try {
      return await ports.store.load(address);
    } catch (fault) {
      if (!['NOT_CONNECTED', 'STORE_TIMEOUT'].includes((fault as { code?: string }).code ?? '')) throw fault;
    }
  }
  return undefined;
};

/** A projection that reads along through every kill: notes of the revisions it was given. `end`: of all until then. */
const startAudit = (ports: NatsPorts) => {
  const stored = new Map<number, string>();
  let isOver = false;
  const read = async (): Promise<void> => {
    const reader = await ports.projections.reader('audit');
    while (!isOver || (await behind()) > 0) {
      try {
        const batch = await reader.next(1_000, 200);
        for (const { revision, bytes } of batch.entries) stored.set(revision, noteIn(bytes));
        await batch.ack();
      } catch (fault) {
        if (!(fault instanceof BatonError)) throw fault;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await reader.close();
  };
  const behind = async (): Promise<number> => (await ports.projections.progress('audit'))?.behind ?? 1;
  const reading = read();
  return {
    end: async (): Promise<ReadonlyMap<number, string>> => {
      isOver = true;
      await reading;
      return stored;
    },
  };
};

const killUnderLoad = async (server: NatsServer, ports: NatsPorts, deeds: Deed[][]): Promise<void> => {
  let running = true;
  const writers = deeds.map((list, i) => writer(ports, `w${i}`, () => running, list));
  for (let kill = 0; kill < KILLS; kill++) {
    const before = deeds.flat().length;
    // Works again: writes of this round are done, then at any moment the end comes.
    await eventually(() => assert.ok(writtenSince(deeds, before) > WRITERS), { limitMs: 15_000 });
    await new Promise((resolve) => setTimeout(resolve, randomInt(100)));
    await server.kill();
    await server.restart();
  }
  await eventually(() => assert.ok(ports.link.connected), { limitMs: 10_000 });
  running = false;
  await Promise.all(writers);
};

const writtenSince = (deeds: readonly (readonly Deed[])[], from: number): number =>
  deeds
    .flat()
    .slice(from)
    .filter(({ result }) => result.kind === 'written').length;

for (const commit of ['single', 'group'] satisfies CommitMode[]) {
  test(
    `${commit}: what is written stays, what is refused never was, what is unknown is one of both`,
    async ({ defer }) => {
      const server = await startNats({ durability: 'durable' });
      defer(() => server.stop());
      const faults: string[] = [];
      const ports = await connectPorts({
        servers: server.url,
        namespace: 'KILL',
        commit,
        onFault: (where, fault) => faults.push(`${where}: ${String(fault)}`),
      });
      defer(() => ports.close());
      const seen = new Map<Address, number>();
      const lost: string[] = [];
      const feed = await ports.feed.follow(allPartitions(), {
        entry: ({ address, revision }) => {
          assert.ok(revision > (seen.get(address) ?? 0), 'the feed never goes back');
          seen.set(address, revision);
        },
        caughtUp: () => undefined,
        lost: (cause) => lost.push(cause.message),
      });
      defer(() => feed.close());

      const audit = startAudit(ports);
      const deeds: Deed[][] = Array.from({ length: WRITERS }, () => []);
      await killUnderLoad(server, ports, deeds);

      const heads = await Promise.all(deeds.map((_, i) => ports.store.load(sampleAddress(`w${i}`))));
      const counts = { written: 0, conflict: 0, unknown: 0, failed: 0 };
      deeds.forEach((list, i) => {
        for (const { result } of list) counts[result.kind]++;
        checkHistory(list, heads[i]);
      });
      assert.ok(counts.written > WRITERS * KILLS, JSON.stringify(counts));
      assert.ok(counts.unknown > 0, `no kill hit a write: ${JSON.stringify(counts)}`);

      const stored = await audit.end();
      const notes = new Set(stored.values());
      for (const { note, result } of deeds.flat()) {
        if (result.kind === 'conflict' || result.kind === 'failed')
          assert.not.ok(notes.has(note), `${note} was refused and stored`);
        const at = result.kind === 'written' ? stored.get(result.revision) : undefined;
        // A projection lacks what was written over before it was read; it never has something else there.
        if (at !== undefined) assert.is(at, note);
      }
      for (const head of heads) assert.is(stored.get(head?.revision ?? 0), noteIn(head?.bytes ?? new Uint8Array()));
      await eventually(() => heads.forEach((head, i) => assert.is(seen.get(sampleAddress(`w${i}`)), head?.revision)), {
        limitMs: 15_000,
      });
      assert.equal(lost, []);
      assert.equal(faults, []);
      console.log(`     ${commit}: ${JSON.stringify(counts)}, ${stored.size} read by the projection`);
    },
    { limitMs: 110_000 },
  );
}

/** Each record has one writer: its head is the last write that was done, or an unknown one after it. */
const checkHistory = (deeds: readonly Deed[], head: Entry | undefined): void => {
  const last = deeds.findLastIndex(({ result }) => result.kind === 'written');
  const done = deeds[last];
  if (done === undefined || head === undefined || done.result.kind !== 'written')
    throw new Error('a writer did nothing');
  const note = noteIn(head.bytes);
  if (note === done.note) {
    assert.is(head.revision, done.result.revision);
    return;
  }
  const later = deeds.slice(last + 1).find((deed) => deed.note === note);
  assert.ok(later, `${done.note} was written and is gone: ${note} stands there`);
  assert.is(later?.result.kind, 'unknown', `${note} stands there and was answered ${later?.result.kind}`);
  assert.ok(head.revision > done.result.revision);
};

test.run();
