import { decideSettings, evolveSettings, type LimitWish, type TaskRecord } from '@baton/core';
import { allPartitions, encodeRecord, type Address } from '@baton/protocols';
import { createVirtualClock, type VirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { silentLog } from '../log.ts';
import type { Credit, CreditAnswer, OfferBatch, ReadyMessage } from '../ports/dispatch.ts';
import type { Kept } from '../queues/settings-book.ts';
import { QueueHost } from './queue-host.ts';
import type { RunningTask } from './ready-outbox.ts';
import { ownedBy } from './rendezvous.ts';
import { DISPATCH_TIMINGS } from './timings.ts';

const test = suite('queue host');

const MEMBERS = ['me', 'peer'];
/** Of the two the host of a queue of this name is the one that is tested. */
const QUEUE = 'limited0';
const OWN = ownedBy('me', allPartitions(), MEMBERS);
const OTHERS = ownedBy('peer', allPartitions(), MEMBERS);

/** In the partition of this name. */
const at = (partition: string | undefined, name: string): Address => `${partition}.${name}` as Address;

const WAITS = { queue: QUEUE, priority: 'normal', type: 'job' } as const;

const limitOf = (concurrency: number): Kept => keptOf({ of: 'queue', concurrency }, 1);

const keptOf = (limit: LimitWish, setAt: number): Kept => {
  const command = { at: setAt, actor: { user: 'root', admin: true }, queue: QUEUE } as const;
  const decision = decideSettings(undefined, { ...command, kind: 'limit', limit });
  const [event] = decision.ok ? decision.events : [];
  if (event === undefined) throw new Error('no limit was set');
  return { settings: evolveSettings(undefined, event), revision: 1 };
};

const recordAs = (status: TaskRecord['status'], queue = QUEUE): Uint8Array =>
  encodeRecord({
    ...{ v: 1, id: '01890000-0000-7000-8000-000000000000', type: 'job', key: 'k', name: 'k', scope: 'shared' },
    ...{ queue, status, priority: 'normal', mode: 'async', policy: {}, args: new Uint8Array(), attempt: 1 },
    ...{ subscribers: [], history: [], createdAt: 1, changedAt: 1, startedAt: 1 },
    owner: { worker: 'w', fence: { epoch: 1, revision: 5 }, at: 1 },
  });

/** A host of the queue, beside a supervisor that is spoken for here. */
class Scene {
  readonly clock: VirtualClock = createVirtualClock({ seed: 1 });
  private stoodMs = 0;
  readonly running = new Map<Address, RunningTask>();
  readonly offers: OfferBatch[] = [];
  private readonly kept = new Map<string, Kept>();
  readonly host: QueueHost;
  credit: ((credit: Credit) => CreditAnswer | undefined) | undefined;
  private listener: (message: ReadyMessage) => void = () => {};
  private number = 0;
  private turn = 0;
  private nonces = 0;
  /** What those that are there were asked, the last time; nobody answers by himself who is not up to date. */
  question: string | undefined;
  questions = 0;
  readonly displaced: Address[] = [];
  /** How long one takes. */
  goes: () => Promise<void> = async () => {};
  /** What the store has of it. */
  stored: (address: Address) => unknown = () => undefined;
  /** How often it was asked for everything. */
  asks = 0;
  /** What the worker was told that waits for it. */
  waiting: number | undefined;
  /** A worker whose lease is over. */
  dead: string | undefined;
  isUpToDate = true;
  isPeerUpToDate = true;
  private limited: readonly string[] = [];

  constructor(knowsMembers = true) {
    const settings = { isCurrent: true, of: (queue: string) => this.kept.get(queue), all: () => this.kept };
    const dispatch = {
      onCredit: (_: string, listener: NonNullable<typeof this.credit>) => (
        (this.credit = listener),
        { close: () => {} }
      ),
      onTold: (_: string, listener: typeof this.listener) => ((this.listener = listener), { close: () => {} }),
      offer: (_: string, batch: OfferBatch) => void this.offers.push(batch),
      tell: (_: string, { sync, ask }: ReadyMessage) => {
        if (ask === true) this.asks++;
        if (sync === undefined) return;
        this.questions++;
        this.question = sync;
        if (this.isPeerUpToDate) queueMicrotask(() => this.answers(sync));
      },
      rehosted: () => {},
    };
    this.host = new QueueHost({
      ...{ supervisor: 'me', log: silentLog, settings },
      clock: { ...this.clock, monotonic: () => this.clock.monotonic() + this.stoodMs },
      dispatch: dispatch as never,
      store: { load: async (address) => this.stored(address) as never },
      chance: { nonce: () => `n${++this.nonces}` } as never,
      allReady: () => [],
      allRunning: () => this.running.values(),
      partitions: () => OWN,
      sync: async () => this.isUpToDate,
      leased: () => MEMBERS,
      admits: (worker) => worker !== this.dead,
      holdsBack: () => false,
      displace: async ({ address }) => {
        await this.goes();
        return this.displaced.push(address) > 0;
      },
    });
    this.host.start();
    if (knowsMembers) this.host.share(MEMBERS);
    this.say({ begins: true });
  }

  set(kept: Kept): void {
    this.kept.set(QUEUE, kept);
    this.host.settingsChanged(new Set([QUEUE]));
  }

  /** As the other supervisor. */
  say(parts: Partial<ReadyMessage>): void {
    this.listener({ from: 'peer', session: 's', number: ++this.number, ready: [], gone: [], ...parts });
  }

  state(limited: readonly string[]): void {
    this.limited = limited;
    this.say({ state: { members: MEMBERS, partitions: OTHERS, limited } });
  }

  /** Likewise: all that was stored when it was asked that is told. */
  answers(synced: string): void {
    this.say({ state: { members: MEMBERS, partitions: OTHERS, limited: this.limited, synced } });
  }

  lease(isHeld: boolean): void {
    this.host.lease(isHeld);
  }

  /** Its process does nothing for so long, and finds that out. */
  async stands(ms: number): Promise<void> {
    this.stoodMs += ms;
    await this.clock.advance(DISPATCH_TIMINGS.tickMs);
  }

  /** A message of the other one is lost, and a later one comes. */
  loses(): void {
    this.number++;
    this.say({ state: { members: MEMBERS, partitions: OTHERS, limited: this.limited } });
  }

  peerLeft(): void {
    this.host.departed('left');
  }

  runs(address: Address, revision: number): void {
    const task = { queue: QUEUE, address, revision, type: 'job' };
    this.running.set(address, task);
    this.host.held(task);
  }

  ends(address: Address, revision: number): void {
    this.running.delete(address);
    this.host.freed(QUEUE, address, revision, 'over');
  }

  ready(address: Address, revision: number): void {
    this.host.ready({ ...WAITS, address, revision, order: revision });
  }

  /** As a worker with room for so many in all of its session. */
  told(limit: number, parts: Partial<Credit> = {}): CreditAnswer | undefined {
    const [worker, session] = ['w', 'one'];
    return this.credit?.({
      ...{ queue: QUEUE, worker, session, turn: ++this.turn, types: ['job'], limit, returned: [], ...parts },
    });
  }

  /** How often the worker was told something without an offer. */
  calls(): number {
    return this.offers.filter(({ offers }) => offers.length === 0).length;
  }

  /** What a worker with room for all is offered within so long. */
  async offered(ms: number = DISPATCH_TIMINGS.agreedMs + DISPATCH_TIMINGS.stallMs): Promise<readonly string[]> {
    const before = this.offers.length;
    this.waiting = this.told(100)?.waiting;
    await this.clock.advance(ms);
    return this.offers.slice(before).flatMap(({ offers }) => offers.map(({ address }) => address));
  }

  end(): void {
    this.host.stop();
  }
}

/** A task waits in the queue, and the other supervisor is not up to date. */
const takenOver = (): Scene => {
  const scene = new Scene();
  scene.set(limitOf(1));
  scene.isPeerUpToDate = false;
  scene.state([QUEUE]);
  scene.ready(at(OWN[0], 'waits'), 7);
  return scene;
};

test('Q5: who does not know yet that a queue is limited says nothing of what runs in it', async () => {
  const scene = new Scene();
  scene.set(limitOf(1));
  scene.state([QUEUE]);
  assert.equal(await scene.offered(), [], 'nothing waits in it, and it is open');
  scene.runs(at(OTHERS[0], 'moved'), 5);
  scene.ready(at(OWN[0], 'waits'), 7);
  assert.equal(await scene.offered(), []);
  // The other one watches the partition of what runs, and knows of another limit only.
  scene.state(['other']);
  assert.equal(await scene.offered(), [], 'what ran when its watcher changed has its slot');
  scene.state([QUEUE]);
  assert.equal(await scene.offered(), [at(OWN[0], 'waits')], 'it is over: who knows has not told it');
  scene.end();
});

test('Q5: what runs, and was told by one who knew sooner that its queue is limited, is told once more', async () => {
  const scene = new Scene();
  const held = [{ queue: QUEUE, address: at(OTHERS[0], 'runs'), revision: 5, type: 'job' }];
  scene.say({ held });
  scene.state([QUEUE]);
  await scene.clock.advance(DISPATCH_TIMINGS.askMs);
  const { asks } = scene;
  scene.set(limitOf(1));
  assert.is(scene.asks, asks + 1);
  scene.say({ begins: true });
  scene.say({ held });
  scene.state([QUEUE]);
  scene.ready(at(OWN[0], 'waits'), 7);
  assert.equal(await scene.offered(), []);
  scene.say({ gone: [{ queue: QUEUE, address: at(OTHERS[0], 'runs'), revision: 8 }] });
  assert.equal(await scene.offered(), [at(OWN[0], 'waits')]);
  scene.end();
});

test('Q5: a host that takes over starts nothing before all have told what was stored by then', async () => {
  const scene = takenOver();
  assert.equal(await scene.offered(), [], 'the other one has not said so');
  assert.is(scene.waiting, 0, 'no worker keeps a slot for it');
  const [first] = [scene.question];
  assert.equal(await scene.offered(DISPATCH_TIMINGS.syncMs), []);
  assert.is.not(scene.question, first, 'it is asked again');
  scene.answers(first ?? '');
  assert.equal(await scene.offered(0), [], 'an answer to what was asked before');
  scene.isUpToDate = false;
  await scene.clock.advance(DISPATCH_TIMINGS.syncMs);
  scene.answers(scene.question ?? '');
  assert.equal(await scene.offered(0), [], 'it is not up to date itself');
  scene.isUpToDate = true;
  scene.isPeerUpToDate = true;
  // What was claimed when a former host was there is heard of now.
  scene.runs(at(OWN[1], 'runs'), 5);
  assert.equal(await scene.offered(), []);
  scene.ends(at(OWN[1], 'runs'), 8);
  const before = scene.questions;
  assert.equal(await scene.offered(), [at(OWN[0], 'waits')]);
  assert.is(scene.questions, before, 'nobody is asked once it is open');
  scene.end();
});

test('Q5: who leaves while the others are asked may have been the host: they are asked once more', async () => {
  const scene = takenOver();
  assert.equal(await scene.offered(), []);
  scene.peerLeft();
  scene.answers(scene.question ?? '');
  assert.equal(await scene.offered(DISPATCH_TIMINGS.voidMs - DISPATCH_TIMINGS.tickMs), []);
  scene.isPeerUpToDate = true;
  assert.equal(await scene.offered(), [at(OWN[0], 'waits')]);
  scene.end();
});

test('Q5: what was answered before a former host had let go does not open a queue', async () => {
  const scene = new Scene();
  scene.set(limitOf(1));
  scene.state([QUEUE]);
  await scene.clock.advance(DISPATCH_TIMINGS.tickMs);
  assert.is(scene.questions, 1, 'asked and answered when the members were new');
  scene.isPeerUpToDate = false;
  scene.ready(at(OWN[0], 'waits'), 7);
  assert.equal(await scene.offered(), [], 'it is asked once more when nothing is claimed any more');
  scene.isPeerUpToDate = true;
  assert.equal(await scene.offered(), [at(OWN[0], 'waits')]);
  scene.end();
});

test('what is lost soon after everything was asked for is asked for, too, a little later', async () => {
  const scene = new Scene();
  assert.is(scene.asks, 1);
  scene.loses();
  assert.is(scene.asks, 1, 'not at once');
  await scene.clock.advance(DISPATCH_TIMINGS.askMs + DISPATCH_TIMINGS.tickMs);
  assert.is(scene.asks, 2);
  scene.end();
});

test('what a supervisor tells that is not seen to be there is asked for once it is', async () => {
  const scene = new Scene();
  const ready = [{ ...WAITS, address: at(OTHERS[0], 'other'), revision: 3, order: 3 }];
  scene.host.share(['me']);
  scene.say({ begins: true });
  scene.say({ ready });
  assert.equal(await scene.offered(), []);
  const { asks } = scene;
  scene.host.share(MEMBERS);
  assert.is(scene.asks, asks + 1);
  scene.say({ begins: true });
  scene.say({ ready });
  assert.equal(await scene.offered(0), [at(OTHERS[0], 'other')]);
  scene.end();
});

test('Q6: a host that has lost its lease does not know what started since: its rates open a window later', async () => {
  const scene = new Scene();
  scene.state([]);
  const windowMs = 20_000;
  scene.set(keptOf({ of: 'queue', rate: { units: 1, windowMs } }, scene.clock.now() + 1));
  scene.state([QUEUE]);
  scene.ready(at(OWN[0], 'one'), 7);
  assert.equal(await scene.offered(), [at(OWN[0], 'one')], 'nobody else was the host since the limit was set');
  scene.host.gone(QUEUE, at(OWN[0], 'one'), 8);
  scene.ready(at(OWN[0], 'two'), 9);
  // Long after all that it has counted is free again.
  await scene.clock.advance(windowMs - 1_000);
  scene.lease(false);
  await scene.clock.advance(DISPATCH_TIMINGS.agreedMs);
  scene.lease(true);
  scene.state([QUEUE]);
  assert.equal(await scene.offered(windowMs - 1_000), []);
  assert.equal(await scene.offered(), [at(OWN[0], 'two')]);
  scene.end();
});

test('Q6: a host that stood still for a moment has counted all that started: its rates do not begin anew', async () => {
  const scene = new Scene();
  const windowMs = 20_000;
  scene.set(keptOf({ of: 'queue', rate: { units: 1, windowMs } }, 1));
  scene.state([QUEUE]);
  scene.ready(at(OWN[0], 'one'), 7);
  assert.equal(await scene.offered(windowMs - 1_000), [], 'another one may have started some');
  assert.equal(await scene.offered(DISPATCH_TIMINGS.agreedMs + 2_000), [at(OWN[0], 'one')]);
  scene.host.gone(QUEUE, at(OWN[0], 'one'), 8);
  scene.ready(at(OWN[0], 'two'), 9);
  await scene.clock.advance(windowMs / 2);
  await scene.stands(DISPATCH_TIMINGS.stallMs);
  scene.state([QUEUE]);
  assert.equal(await scene.offered(windowMs / 2 - 2_000), [], 'the one that has started counts');
  assert.equal(await scene.offered(2_000), [at(OWN[0], 'two')]);
  scene.end();
});

test('Q6: rates of a queue that is taken over open a window after that, also where nothing comes for long', async () => {
  const scene = new Scene();
  const windowMs = 20_000;
  scene.set(keptOf({ of: 'queue', rate: { units: 1, windowMs } }, 1));
  scene.state([QUEUE]);
  await scene.clock.advance(DISPATCH_TIMINGS.agreedMs + 2_000);
  // What began and ended before was not heard of.
  scene.host.complete();
  await scene.clock.advance(windowMs - 500);
  scene.ready(at(OWN[0], 'one'), 7);
  assert.equal(await scene.offered(0), []);
  assert.equal(await scene.offered(1_000), [at(OWN[0], 'one')]);
  scene.end();
});

test('Q6: of a queue that was limited before it was taken over, and known to be so later, rates open a window later', async () => {
  const scene = new Scene();
  const windowMs = 20_000;
  const kept = keptOf({ of: 'queue', rate: { units: 1, windowMs } }, scene.clock.now() + 500);
  await scene.clock.advance(1_000);
  scene.host.share(['me']);
  scene.host.share(MEMBERS);
  scene.say({ begins: true });
  scene.set(kept);
  scene.state([QUEUE]);
  scene.ready(at(OWN[0], 'one'), 7);
  assert.equal(await scene.offered(windowMs), []);
  assert.equal(await scene.offered(), [at(OWN[0], 'one')]);
  scene.end();
});

test('Q5: what ends while the settings of its queue cannot be read gives its slot back', async () => {
  const scene = new Scene();
  scene.set(limitOf(1));
  scene.state([QUEUE]);
  const runs = at(OWN[0], 'runs');
  scene.runs(runs, 5);
  scene.set('unreadable');
  scene.ends(runs, 6);
  scene.ready(at(OWN[0], 'waits'), 7);
  assert.equal(await scene.offered(), [], 'nothing starts in it');
  scene.set(limitOf(1));
  assert.equal(await scene.offered(), [at(OWN[0], 'waits')]);
  scene.end();
});

test('a worker that is found dead is offered nothing until it is seen to be alive, whatever it still says', async () => {
  const scene = new Scene();
  scene.ready(at(OWN[0], 'waits'), 7);
  scene.dead = 'w';
  assert.is(scene.told(1)?.hosts, false);
  assert.equal(
    scene.host.sizes().map(({ workers }) => workers),
    [0],
  );
  scene.dead = undefined;
  assert.is(scene.told(1, { session: 'two', turn: 1 })?.hosts, true);
  await scene.clock.advance(1);
  assert.is(scene.offers.length, 1);
  scene.end();
});

test('a worker that is to say something is told so again until it does: what it was told may be lost', async () => {
  const scene = new Scene();
  const { offerMs, lookMs } = DISPATCH_TIMINGS;
  scene.ready(at(OWN[0], 'waits'), 7);
  scene.told(1);
  await scene.clock.advance(offerMs + lookMs);
  assert.is(scene.calls(), 1, 'it has not claimed what it was offered');
  await scene.clock.advance(3 * offerMs);
  assert.is(scene.calls(), 4);
  scene.told(1);
  await scene.clock.advance(3 * offerMs);
  assert.is(scene.calls(), 4);
  scene.end();
});

test('X8: the same of one that is told that tasks wait it has no credit for', async () => {
  const scene = new Scene();
  const { offerMs, lookMs } = DISPATCH_TIMINGS;
  scene.told(0, { shares: true });
  scene.ready(at(OWN[0], 'waits'), 7);
  await scene.clock.advance(1);
  assert.is(scene.calls(), 1);
  await scene.clock.advance(2 * offerMs + lookMs);
  assert.is(scene.calls(), 3);
  scene.told(0, { shares: true });
  await scene.clock.advance(3 * offerMs);
  assert.is(scene.calls(), 3, 'the answer has told it');
  scene.host.workerGone('w');
  scene.end();
});

test('of a session that it has not seen begin a host does not know what was offered in it: it offers nothing', async () => {
  const scene = new Scene();
  for (let i = 0; i < 20; i++) scene.ready(at(OWN[0], `waits ${i}`), i + 1);
  const offered = () => scene.offers.reduce((sum, { offers }) => sum + offers.length, 0);
  // Ten of them came from here before another supervisor was the host for a moment.
  assert.is(scene.told(12, { turn: 9 })?.hosts, false);
  await scene.clock.advance(1);
  assert.is(offered(), 0);
  assert.equal(scene.told(2, { session: 'two', turn: 1 })?.limit, 2);
  await scene.clock.advance(1);
  assert.is(offered(), 2);
  // A message of the former one that was under way changes nothing.
  assert.is(scene.told(13, { turn: 10 })?.hosts, false);
  assert.is(scene.told(2, { session: 'two', turn: 2 })?.sent, 2);
  assert.is(offered(), 2);
  scene.end();
});

test('a supervisor that does not know yet who else is there is the host of nothing', () => {
  const scene = new Scene(false);
  const question = { queue: QUEUE, address: at(OWN[0], 'k'), type: 'job' };
  assert.is(scene.credit, undefined, 'no worker is heard');
  assert.is(scene.host.standing(question), undefined);
  scene.host.share(MEMBERS);
  assert.is(scene.told(1)?.hosts, true);
  assert.is(scene.host.standing(question)?.state, 'unheard');
  scene.end();
});

test('whoever asks about queues that are not there leaves little behind', () => {
  const scene = new Scene();
  for (let i = 0; i < 25_000; i++) scene.host.standing({ queue: `none${i}`, address: at(OWN[0], 'k'), type: 'job' });
  assert.ok(scene.host['hosts'].size <= 10_000);
  scene.end();
});

test('Q7: nobody goes for one that has ended, as the store has it, and all go for those that are there', async () => {
  const scene = new Scene();
  scene.set(keptOf({ of: 'group', concurrency: 1, whenFull: 'cancel_newest' }, 1));
  scene.state([QUEUE]);
  const [ran, waits] = [at(OWN[0], 'ran'), at(OWN[0], 'waits')];
  const own = { group: 'g', queue: QUEUE };
  scene.host.held({ ...own, address: ran, revision: 5, type: 'job' });
  const storedAs = (status: TaskRecord['status'], queue = QUEUE) => {
    const bytes = recordAs(status, queue);
    scene.stored = (address) => (address === ran ? { address, revision: 6, bytes } : undefined);
  };
  storedAs('success');
  await scene.offered();
  scene.host.ready({ ...WAITS, ...own, address: waits, revision: 7, order: 7 });
  await scene.clock.advance(DISPATCH_TIMINGS.behindMs * 3);
  assert.equal(scene.displaced, [], 'it has ended');
  storedAs('in_progress', 'other');
  await scene.clock.advance(DISPATCH_TIMINGS.behindMs * 3);
  assert.equal(scene.displaced, [], 'the next one of its key is in another queue');
  scene.stored = () => {
    throw new Error('away');
  };
  await scene.clock.advance(DISPATCH_TIMINGS.displaceMs * 2);
  assert.equal(scene.displaced, [], 'nothing is known');
  storedAs('in_progress');
  await scene.clock.advance(DISPATCH_TIMINGS.displaceMs);
  assert.equal(scene.displaced, [waits]);
  scene.end();
});

test('Q7: of many that go at once so many are under way together', async () => {
  const scene = new Scene();
  scene.set(keptOf({ of: 'group', concurrency: 1, whenFull: 'cancel_newest' }, 1));
  scene.state([QUEUE]);
  await scene.offered();
  let most = 0;
  let underWay = 0;
  scene.goes = () =>
    new Promise((resolve) => {
      most = Math.max(most, ++underWay);
      scene.clock.after(10, () => {
        underWay--;
        resolve();
      });
    });
  const ran = at(OWN[0], 'ran');
  scene.host.held({ group: 'g', queue: QUEUE, address: ran, revision: 5, type: 'job' });
  scene.stored = (address) => ({ address, revision: 6, bytes: recordAs('in_progress') });
  for (let i = 1; i <= 40; i++)
    scene.host.ready({ ...WAITS, group: 'g', address: at(OWN[0], `waits ${i}`), revision: i + 1, order: i + 1 });
  await scene.clock.advance(100);
  assert.is(scene.displaced.length, 40);
  assert.is(most, 16);
  scene.end();
});

test.run();
