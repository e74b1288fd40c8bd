// X10: records that a newer version wrote. They are made here by hand, from what is stored.
import type { TaskRecord } from '@baton/core';
import { decode, encode } from '@baton/protocols';
import { task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { recordingLog, stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('records of newer versions');

type Map = Record<string, unknown>;

/** Stores a record as another program would: the bytes as they are, over the ones there. */
const rewrite = async (stage: Stage, handle: TaskHandle, change: (record: Map) => Map): Promise<Uint8Array> => {
  const stored = await stage.ports.store.load(handle.address);
  assert.ok(stored !== undefined);
  const bytes = encode(change({ ...(decode(stored.bytes, 1e6) as Map) }));
  const result = await stage.ports.store.write(handle.address, bytes, stored.revision);
  assert.is(result.kind, 'written');
  return bytes;
};

const newer = (record: Map): Map => ({ ...record, v: 2, status: 'resting', shape: { of: 'tomorrow' } });

test('X10 a newer record is left alone by everyone, said once, and counted', async (stage, context) => {
  const { log } = recordingLog();
  const ran: string[] = [];
  const body = task({ name: 'x10.newer' }, () => {
    ran.push('ran');
  });
  const call = body.with({ taskKey: 'k', timeout: '100ms' });
  const handle = await stage.as('alice').within(() => call.schedule());
  // A version that is written over before it is projected is in no document.
  await stage.document(handle.uuid);
  const bytes = await rewrite(stage, handle, newer);
  const { address } = handle;
  const revision = (await stage.ports.store.load(address))?.revision ?? 0;
  await stage.serve(context, [body], { log });
  // The client is told what it is.
  for (const run of [() => call.schedule(), () => handle.refresh(), () => handle.cancel()]) {
    const told = await thrownBy(() => stage.as('alice').within(async () => void (await run())));
    assert.is(told.code, 'RECORD_NEWER');
  }
  // The supervisor has met it; another task of the type runs past it.
  const said = (): number =>
    stage.supervisors.reduce(
      (n, { output }) => n + output.split('a record cannot be read and is left alone').length - 1,
      0,
    );
  await eventually(() => assert.is(said(), 1));
  const other = await stage.as('alice').within(() => body.schedule());
  await other.wait({ timeout: '30s' });
  assert.equal([other.status, ran.length], ['success', 1]);
  // A moment in which a sweep and a timeout of it would have come.
  const since = Date.now();
  await until(other, () => Date.now() - since > 3_000);
  const now = await stage.ports.store.load(address);
  assert.equal([now?.revision, now?.bytes], [revision, bytes], 'not a byte was changed');
  assert.is(said(), 1, 'said once');
  // The projection keeps what it understood, and puts the rest aside, counted.
  const document = await stage.document(handle.uuid);
  assert.is(document.status, 'pending');
  await eventually(
    async () => {
      const aside = await stage.mongo.db
        .collection('quarantine')
        .find({})
        .toArray()
        .catch(() => []);
      assert.ok(JSON.stringify(aside).includes(address), 'it is put aside');
    },
    { limitMs: 10_000 },
  );
});

test('X10 what was ready before and is a newer record now is offered to nobody, and holds up nothing', async (stage, context) => {
  const { log, lines } = recordingLog();
  const ran: string[] = [];
  const body = task({ name: 'x10.before' }, () => {
    ran.push('ran');
  });
  const handle = await stage.as('alice').within(() => body.schedule());
  await rewrite(stage, handle, newer);
  await stage.serve(context, [body], { log });
  const met = () => lines.filter(({ msg }) => msg === 'a record cannot be read and its task is left alone').length;
  const other = await stage.as('alice').within(() => body.schedule());
  await other.wait({ timeout: '30s' });
  await until(other, ({ endedAt }) => Date.now() - (endedAt?.getTime() ?? 0) > 1_000);
  assert.equal([met(), ran], [0, ['ran']]);
});

test('X10 fields that are not known here survive every rewrite', async (stage, context) => {
  const body = task({ name: 'x10.fields' }, () => 'done');
  const handle = await stage.as('alice').within(() => body.with({ taskKey: 'fields' }).schedule());
  const future = { flag: true, list: [1, 'two', null], deep: { er: 2.5 } };
  await rewrite(stage, handle, (record) => ({ ...record, future }));
  await stage.as('bob').within(() => body.with({ taskKey: 'other' }).schedule());
  const stored = async (): Promise<TaskRecord & { readonly future?: unknown }> => (await handle.refresh()).record;
  await stage.as('alice').within(() => body.with({ taskKey: 'fields' }).schedule());
  assert.equal((await stored()).future, future, 'after a join');
  await stage.serve(context, [body]);
  await handle.wait({ timeout: '30s' });
  assert.is(handle.status, 'success');
  assert.equal((await stored()).future, future, 'after claim and end');
});

test.run();
