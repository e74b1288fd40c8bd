import { decideSettings, evolveSettings } from '@baton/core';
import { allPartitions, type Address } from '@baton/protocols';
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

const limitOf = (concurrency: number): Kept => {
  const command = { at: 1, actor: { user: 'root', admin: true }, queue: QUEUE } as const;
  const decision = decideSettings(undefined, { ...command, kind: 'limit', limit: { of: 'queue', concurrency } });
  const [event] = decision.ok ? decision.events : [];
  if (event === undefined) throw new Error('no limit was set');
  return { settings: evolveSettings(undefined, event), revision: 1 };
};

/** A host of the queue, beside a supervisor that is spoken for here. */
class Scene {
  readonly clock: VirtualClock = createVirtualClock({ seed: 1 });
  readonly running = new Map<Address, RunningTask>();
  readonly offers: OfferBatch[] = [];
  private readonly kept = new Map<string, Kept>();
  private readonly host: QueueHost;
  private credit: (credit: Credit) => CreditAnswer | undefined = () => undefined;
  private listener: (message: ReadyMessage) => void = () => {};
  private number = 0;
  private turn = 0;

  constructor() {
    const settings = { isCurrent: true, of: (queue: string) => this.kept.get(queue), all: () => this.kept };
    const dispatch = {
      onCredit: (_: string, listener: typeof this.credit) => ((this.credit = listener), { close: () => {} }),
      onTold: (_: string, listener: typeof this.listener) => ((this.listener = listener), { close: () => {} }),
      offer: (_: string, batch: OfferBatch) => void this.offers.push(batch),
      tell: () => {},
      rehosted: () => {},
    };
    this.host = new QueueHost({
      ...{ supervisor: 'me', clock: this.clock, log: silentLog, settings },
      dispatch: dispatch as never,
      store: { load: async () => undefined },
      chance: { nonce: () => 'n' } as never,
      allReady: () => [],
      allRunning: () => this.running.values(),
      partitions: () => OWN,
      leased: () => MEMBERS,
      holdsBack: () => false,
      displace: async () => true,
    });
    this.host.start();
    this.host.share(MEMBERS);
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
    this.say({ state: { members: MEMBERS, partitions: OTHERS, limited } });
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
    this.host.ready({ queue: QUEUE, address, revision, order: revision, priority: 'normal', type: 'job' });
  }

  /** What a worker with room for all is offered within so long. */
  async offered(ms: number = DISPATCH_TIMINGS.agreedMs + DISPATCH_TIMINGS.stallMs): Promise<readonly string[]> {
    const [worker, session] = ['w', 'one'];
    const before = this.offers.length;
    this.credit({ queue: QUEUE, worker, session, turn: ++this.turn, types: ['job'], limit: 100, returned: [] });
    await this.clock.advance(ms);
    return this.offers.slice(before).flatMap(({ offers }) => offers.map(({ address }) => address));
  }

  end(): void {
    this.host.stop();
  }
}

test('Q5: who does not know yet that a queue is limited says nothing of what runs in it', async () => {
  const scene = new Scene();
  scene.set(limitOf(1));
  scene.state([QUEUE]);
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

test.run();
