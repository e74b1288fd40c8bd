import { createKernel } from '@baton/runtime';
import { checkConvergence, checkLives, compareRecorded, describeReport, type ReadDocument } from '@baton/testkit';
import { documentOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { openNatsSystem } from '../support/nats-ports.ts';
import { readSystem } from '../support/read-system.ts';
import { sampleAddress, sampleSpec } from '../support/sample-records.ts';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';

const test = suite('reading a real system for the checkers');

test('an empty system is read as empty', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  await system.ports('a');
  const read = await readSystem({ nc: system.nc, namespace: system.names.namespace });
  assert.equal([read.heads, read.outcomes, read.events, read.documents, read.unreadable], [[], [], [], [], []]);
});

test('what the kernel wrote is read whole, from bucket and log, and agrees', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const ports = await system.ports('a');
  const kernel = createKernel(ports);
  const key = sampleAddress('k');
  /** Everything goes into the log, as a projection does it that is never behind. */
  const ask = async (make: Parameters<typeof kernel.ask>[1]) => {
    const asked = await kernel.ask(key, make);
    if (asked.kind !== 'done' || asked.bytes === undefined) throw new Error(`not carried out: ${asked.kind}`);
    await ports.log.append({ address: key, revision: asked.revision, bytes: asked.bytes });
    return asked;
  };
  /** Made, claimed and ended; then the next of the same key, for which the outcome of the first is kept aside. */
  for (const id of ['one', 'two']) {
    const actor = { user: 'alice', admin: false };
    const spec = sampleSpec({ id, key: 'k' });
    await ask(() => ({ kind: 'submit', at: Date.now(), actor, spec, whenAborting: 'queue' }));
    const claimed = await ask((held) => {
      const revision = held?.revision ?? 0;
      return {
        kind: 'claim',
        at: Date.now(),
        id,
        worker: 'w',
        epoch: ports.store.epoch,
        revision,
        offered: revision,
      };
    });
    const fence = claimed.record.owner?.fence;
    if (fence === undefined) throw new Error('not claimed');
    const body = { kind: 'returned' } as const;
    await ask(() => ({
      kind: 'finish',
      at: Date.now(),
      fence,
      body,
      handlerErrors: [],
      abortHandled: true,
      random: 0,
    }));
  }
  await system.nc.request(system.names.eventSubject('00', 'job'), Uint8Array.of(1, 2, 3));
  const source = { nc: system.nc, namespace: system.names.namespace };
  const read = await eventually(async () => {
    const now = await readSystem(source);
    assert.is(now.events.length, 6);
    return now;
  });
  assert.is(read.epoch, ports.store.epoch);
  assert.is(read.unreadable.length, 1);
  assert.equal(
    [read.heads, read.outcomes].map((some) => some.map(({ record }) => record.id)),
    [['one', 'two'], ['one']],
  );
  const life = checkLives(read.events);
  assert.ok(life.ok, describeReport(life));
  assert.equal(life.counters, { records: 6, tasks: 2, claims: 2, success: 2 });

  const newest = new Map(read.events.toSorted(compareRecorded).map((one) => [one.record.id, one]));
  const documents: ReadDocument[] = [...newest.values()].map((one) => ({ ...documentOf(one.record, one) }));
  // The copy of the outcome has not been read yet.
  const heads = read.heads.filter((head) => !read.outcomes.includes(head));
  const agreed = checkConvergence({ ...read, heads, documents });
  assert.ok(agreed.ok, describeReport(agreed));
  const [first] = documents;
  assert.not.ok(checkConvergence({ ...read, documents: first === undefined ? [] : [first] }).ok);
});

test.run();
