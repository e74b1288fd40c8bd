// What a worker does with offers that are not what they should be.
import { encode } from '@baton/protocols';
import { createSupervisor, silentLog, type Dispatch, type OfferBatch, type Ports } from '@baton/runtime';
import { createBaton, task } from '@baton/sdk';
import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('worker: offers');

type Change = (offer: OfferBatch['offers'][number]) => OfferBatch['offers'][number];

/** Ports of a worker whose offers are changed on the way. */
const changing = (ports: Ports, change: Change): Ports => {
  const onOffer: Dispatch['onOffer'] = (worker, listener) =>
    ports.dispatch.onOffer(worker, (batch) => listener({ ...batch, offers: batch.offers.map(change) }));
  return { ...ports, dispatch: { ...ports.dispatch, onOffer } };
};

const stage = async () => {
  const clock = createVirtualClock({ seed: 1 });
  const world = createMemoryWorld({ clock, seed: 1 });
  await clock.settle(createSupervisor(world.ports('s1'), { id: 's1', log: silentLog }).start());
  await clock.advance(1_000);
  const ran: string[] = [];
  const serve = async (name: string, change: Change): Promise<void> => {
    const body = task({ name: 'job' }, () => void ran.push(name));
    const baton = createBaton({ ports: changing(world.ports(name), change), user: { id: 'alice' }, nodeName: name });
    await clock.settle(baton.startWorker({ tasks: [body], handleStrayErrors: false }));
    await clock.advance(1_000);
  };
  const job = task({ name: 'job' }, () => undefined);
  const app = createBaton({ ports: world.ports('app'), user: { id: 'alice' } });
  const submit = () => clock.settle(app.within(() => job.schedule()));
  return { clock, world, ran, serve, submit };
};

test('X10 an offer that cannot be read is left to another worker, at once', async () => {
  for (const bytes of [Uint8Array.of(0xc1, 0xff), encode({ v: 99, status: 'resting' })]) {
    const { clock, ran, serve, submit } = await stage();
    await serve('old', (offer) => ({ ...offer, bytes }));
    const handle = await submit();
    await clock.advance(5_000);
    assert.equal(ran, [], 'it waits for somebody who can');
    await serve('new', (offer) => offer);
    await clock.settle(handle.wait());
    assert.equal([handle.status, ran], ['success', ['new']]);
  }
});

test('Q1 an offer without its record, or of an older version of it, is claimed by what is stored', async () => {
  const { clock, ran, serve, submit } = await stage();
  await serve('w1', ({ address, revision }) => ({ address, revision: Math.max(1, revision - 1) }));
  const handle = await submit();
  await clock.settle(handle.wait());
  assert.equal([handle.status, ran], ['success', ['w1']]);
});

test('Q1 an offer of a task that is there no more harms nobody', async () => {
  const { clock, ran, serve, submit } = await stage();
  await serve('w1', (offer) => ({ ...offer, address: offer.address.replace(/.$/, '0') as typeof offer.address }));
  const lost = await submit();
  await clock.advance(60_000);
  assert.equal(ran, []);
  await serve('w2', (offer) => offer);
  await clock.settle(lost.wait());
  assert.equal(ran, ['w2']);
});

test.run();
