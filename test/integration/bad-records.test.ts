// limit: 200s
// X10: a record that cannot be read is left alone, is told to whoever asks for it, and stops nobody beside it.
import { randomBytes } from 'node:crypto';
import { addressOf, encode, type Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { failureOf } from '../support/failure.ts';
import { double, joined } from '../support/fixture-tasks.ts';
import { sampleRecord } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';
import { startSystem, type System } from '../support/system-fixture.ts';

const test = suite('records that cannot be read');

const LIMIT = { limitMs: 60_000 };

/** Everybody is alive, and a task of somebody else goes its way into MongoDB. */
const othersGoOn = async (system: System): Promise<void> => {
  const began = performance.now();
  const handle = await system.baton.within(() => double.schedule(21));
  await handle.wait({ timeout: '60s' });
  assert.equal(handle.result, { doubled: 42 });
  await eventually(
    async () => {
      const document = await system.mongo.db
        .collection<{ _id: string; status: string }>('tasks')
        .findOne({ _id: handle.uuid });
      assert.is(document?.status, 'success');
    },
    { limitMs: 15_000 },
  );
  for (const each of [...system.workers, ...system.supervisors, ...system.projectors]) {
    assert.ok(each.isRunning, `${each.name} has died:\n${each.output.slice(-2_000)}`);
  }
  console.log(`a task beside it, to its document in MongoDB: ${Math.round(performance.now() - began)} ms`);
};

const leftAlone = (title: string, code: string, bytesOf: () => Uint8Array) =>
  test(
    title,
    async (context) => {
      const system = await startSystem(context);
      const { ports } = system;
      const address: Address = addressOf({ scope: 'shared', type: 'fx.joined', key: 'odd' });
      const bytes = bytesOf();
      const written = await ports.store.write(address, bytes, 0);
      assert.is(written.kind, 'written');
      const revision = written.kind === 'written' ? written.revision : 0;

      const error = await failureOf(title, () =>
        system.baton.within(() => joined.with({ taskKey: 'odd' }).schedule(1)),
      );
      assert.is(error.code, code);
      await othersGoOn(system);
      const supervisor = system.supervisors[0];
      await eventually(() => assert.match(supervisor?.output ?? '', /a record cannot be read and is left alone/), {
        limitMs: 10_000,
      });
      await eventually(
        async () => {
          const aside = await system.mongo.db.collection('quarantine').find({}).toArray();
          assert.ok(
            aside.some((one) => Number(one['revision'] ?? one['sequence']) > 0),
            'it is not in quarantine',
          );
        },
        { limitMs: 10_000 },
      );
      const stored = await ports.store.load(address);
      assert.is(stored?.revision, revision, 'somebody has written over it');
      assert.equal(Buffer.from(stored?.bytes ?? []), Buffer.from(bytes));
      const said = (supervisor?.output ?? '').split('a record cannot be read').length - 1;
      assert.is(said, 1, 'said once');
      // A join of another key of the same type is served by the same worker.
      const other = await system.baton.within(() => joined.with({ taskKey: 'even' }).schedule(1));
      await other.wait({ timeout: '60s' });
      assert.is(other.status, 'success');
    },
    LIMIT,
  );

leftAlone('a record of a newer version', 'RECORD_NEWER', () =>
  encode({ ...sampleRecord('odd'), v: 99, unheardOf: { of: true } }),
);
leftAlone('a record that is damaged', 'RECORD_CORRUPT', () => new Uint8Array(randomBytes(200)));
leftAlone('a record that is cut short', 'RECORD_CORRUPT', () => encode(sampleRecord('odd')).subarray(0, 60));

test.run();
