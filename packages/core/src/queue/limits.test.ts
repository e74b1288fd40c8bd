import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { ReadyTask } from './entry.ts';
import { decideSettings, evolveSettings, type QueueSettings, type SettingsCommand } from './settings.ts';
import { TaskQueue } from './task-queue.ts';

const test = suite('limits of a task queue');

const OFFER_MS = 1_000;
const VOID_MS = 2_500;
const ADMIN = { user: 'root', admin: true };

type Wish = SettingsCommand extends infer C ? (C extends unknown ? Omit<C, 'at' | 'actor' | 'queue'> : never) : never;

const settingsOf = (...wishes: Wish[]): QueueSettings | undefined => {
  let settings: QueueSettings | undefined;
  for (const wish of wishes) {
    const decision = decideSettings(settings, { at: 1, actor: ADMIN, queue: 'q', ...wish });
    assert.ok(decision.ok);
    if (decision.ok) for (const event of decision.events) settings = evolveSettings(settings, event);
  }
  return settings;
};

const queueWith = (...wishes: Wish[]): TaskQueue => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, bytesLimit: 0, voidMs: VOID_MS, name: 'x' });
  queue.set(settingsOf(...wishes), 0);
  return queue;
};

const task = (address: string, order: number, more: Partial<ReadyTask> = {}): ReadyTask => ({
  ...{ address, revision: order, order, priority: 'normal', type: 'job' },
  ...more,
});

const worker = (queue: TaskQueue, id: string, credit: number, types: readonly string[] = ['job']): void => {
  queue.serve(id, new Set(types));
  queue.credit(id, credit);
};

const deal = (queue: TaskQueue, now = 0): Record<string, string[]> =>
  Object.fromEntries([...queue.deal(now)].map(([id, offers]) => [id, offers.map(({ address }) => address)]));

const runs = (queue: TaskQueue, address: string, revision: number, more: Partial<ReadyTask> = {}): void =>
  queue.held({ address, revision, type: 'job', ...more }, 's');

test('Q8: nothing of a paused queue starts; nothing of a paused type or group, and all of the others', () => {
  const queue = queueWith({ kind: 'pause', part: {} });
  for (let i = 1; i <= 3; i++) queue.ready(task(`t${i}`, i, i === 1 ? { group: 'a' } : {}), 's');
  queue.ready(task('mail', 4, { type: 'mail' }), 's');
  worker(queue, 'w', 9, ['job', 'mail']);
  assert.equal(deal(queue), {});
  assert.is(queue.waitingFor('w'), 0);
  assert.is(queue.standing('t1', 0)?.block?.kind, 'paused');
  queue.set(settingsOf({ kind: 'pause', part: { group: 'a' } }, { kind: 'pause', part: { type: 'mail' } }), 0);
  assert.equal(deal(queue), { w: ['t2', 't3'] });
  queue.set(undefined, 0);
  assert.equal(deal(queue), { w: ['t1', 'mail'] });
});

test('Q5: no more run than may, and one that ends makes room for the next', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 2 } });
  for (let i = 1; i <= 4; i++) queue.ready(task(`t${i}`, i), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 't2'] });
  runs(queue, 't1', 11);
  assert.equal(deal(queue), {});
  queue.gone('t1', 12, 's');
  assert.equal(deal(queue), { w: ['t3'] });
  const [offer] = queue.deal(0).get('w') ?? [];
  assert.is(offer, undefined);
  queue.returned('w', 't2', 2, 'free', queue.confirm('w', 0));
  assert.equal(deal(queue), { w: ['t2'] }, 'it is first in line again, in its own slot');
});

test('Q5: a full type or group holds up no other one', () => {
  const queue = queueWith(
    { kind: 'limit', limit: { of: 'type', name: 'mail', concurrency: 1 } },
    { kind: 'limit', limit: { of: 'group', concurrency: 1 } },
  );
  queue.ready(task('m1', 1, { type: 'mail' }), 's');
  queue.ready(task('m2', 2, { type: 'mail' }), 's');
  queue.ready(task('a1', 3, { group: 'a' }), 's');
  queue.ready(task('a2', 4, { group: 'a' }), 's');
  queue.ready(task('b1', 5, { group: 'b' }), 's');
  queue.ready(task('free', 8), 's');
  worker(queue, 'w', 9, ['job', 'mail']);
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a1', 'b1', 'free', 'm1']);
  for (const address of ['m1', 'a1']) queue.gone(address, 100, 's');
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a2', 'm2']);
});

test('Q5: what was offered and may still be claimed keeps its slot, until its terms are void', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 1 } });
  queue.ready(task('t1', 1, { type: 'mail' }), 's');
  worker(queue, 'dies', 1, ['mail']);
  const term = queue.confirm('dies', 0);
  const [offer] = queue.deal(0).get('dies') ?? [];
  assert.is(offer?.term, term);
  queue.leave('dies');
  queue.ready(task('t2', 2), 's');
  worker(queue, 'w', 1);
  assert.equal(deal(queue, 1), {});
  assert.equal(queue.doubts(VOID_MS - 1), []);
  assert.equal(deal(queue, VOID_MS - 1), {});
  // Another one that serves it may have it at once.
  worker(queue, 'other', 1, ['mail']);
  assert.equal(deal(queue, VOID_MS - 1), { other: ['t1'] });
  queue.returned('other', 't1', 1, 'refused', queue.confirm('other', VOID_MS - 1));
  const late = VOID_MS + OFFER_MS;
  assert.equal(deal(queue, late), {});
  assert.equal(queue.doubts(late), [{ address: 't1', revision: 1 }], 'nobody can claim it; somebody may have');
  queue.unclaimed('t1', 1, late);
  assert.equal(deal(queue, late), { w: ['t2'] });
});

test('Q5: what is told by a supervisor that is gone is counted until another one has told what became of it', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 3 } });
  runs(queue, 'runs', 1);
  runs(queue, 'ends', 2);
  queue.ready(task('offered', 3), 's');
  for (let i = 4; i < 9; i++) queue.ready(task(`t${i}`, i), 'other');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['offered'] });
  queue.forget('s');
  assert.equal(deal(queue), {});
  queue.held({ address: 'runs', revision: 1, type: 'job' }, 'new');
  queue.ready(task('offered', 3), 'new');
  queue.settle('new', (address) => !address.startsWith('t'));
  assert.is(queue.running, 1);
  const dealt = deal(queue)['w'] ?? [];
  assert.equal(dealt.toSorted(), ['offered', 't4'], 'one has ended, and what was on offer has its slot');
});

test('Q6: no more units start in any window; one group that is full holds up no other', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'group', rate: { units: 3, windowMs: 1_000 } } });
  for (let i = 1; i <= 5; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  queue.ready(task('heavy', 6, { group: 'b', units: 2 }), 's');
  queue.ready(task('b2', 7, { group: 'b', units: 2 }), 's');
  worker(queue, 'w', 9);
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a1', 'a2', 'a3', 'heavy']);
  assert.is(queue.standing('a4', 10)?.block?.kind, 'rate');
  deal(queue, 100);
  queue.gone('a1', 100, 's');
  runs(queue, 'a2', 101, { group: 'a' });
  assert.equal(deal(queue, 1_099), {});
  assert.is(queue.opensAt, 1_100);
  assert.equal(deal(queue, 1_100), { w: ['a4', 'a5'] });
});

test('Q6: whoever takes a queue over waits for a window, since somebody else has counted what started', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 1, windowMs: 1_000 } } });
  queue.begin(500);
  queue.ready(task('t', 1), 's');
  worker(queue, 'w', 1);
  assert.equal(deal(queue, 1_499), {});
  assert.is(queue.opensAt, 1_500);
  assert.equal(deal(queue, 1_500), { w: ['t'] });
});

test('Q7: a group of one task waits for one task of another, however many those are; weights give more turns', () => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, bytesLimit: 0 });
  for (let i = 0; i < 100_000; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  worker(queue, 'w', 3);
  deal(queue);
  queue.ready(task('b', 200_000, { group: 'b' }), 's');
  queue.credit('w', 2);
  assert.ok(deal(queue)['w']?.includes('b'));
  queue.set(settingsOf({ kind: 'weigh', group: 'c', weight: 3 }), 0);
  for (let i = 0; i < 100; i++) queue.ready(task(`c${i}`, 300_000 + i, { group: 'c' }), 's');
  queue.credit('w', 40);
  const started = deal(queue)['w'] ?? [];
  const ofC = started.filter((address) => address.startsWith('c')).length;
  assert.ok(ofC >= 29 && ofC <= 31, `${ofC} of ${started.length}`);
});

test('Q7: a group that comes with one task at a time gains nothing by it', () => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, bytesLimit: 0 });
  for (let i = 0; i < 100; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  worker(queue, 'w', 0);
  const started: string[] = [];
  for (let i = 0; i < 40; i++) {
    queue.ready(task(`b${i}`, 1_000 + i, { group: 'b' }), 's');
    queue.credit('w', 1);
    for (const address of deal(queue)['w'] ?? []) {
      started.push(address);
      queue.gone(address, 10_000, 's');
    }
  }
  const ofA = started.filter((address) => address.startsWith('a')).length;
  assert.ok(ofA >= 19 && ofA <= 21, `${ofA} of ${started.length}`);
});

test('only admins set something; what is so already is no change, and the last changes are kept', () => {
  const command: SettingsCommand = { kind: 'pause', at: 1, actor: ADMIN, queue: 'q', part: {}, why: 'move' };
  const refused = decideSettings(undefined, { ...command, actor: { user: 'bob', admin: false } });
  assert.equal(refused, { ok: false, refusal: { reason: 'admin_required' } });
  let settings = settingsOf({ kind: 'pause', part: {}, why: 'move' });
  assert.equal(settings?.pauses, [{ by: 'user:root', at: 1, why: 'move' }]);
  assert.equal(decideSettings(settings, command), { ok: true, events: [], answer: { kind: 'done' } });
  settings = settingsOf(
    { kind: 'limit', limit: { of: 'group', concurrency: 2 } },
    { kind: 'limit', limit: { of: 'group', name: 'a', rate: { units: 5, windowMs: 1_000 } } },
    { kind: 'limit', limit: { of: 'group' } },
  );
  assert.equal(
    settings?.limits.map(({ of, name }) => ({ of, name })),
    [{ of: 'group', name: 'a' }],
  );
  assert.is(settings?.changes.length, 3);
});

type Step =
  | { readonly kind: 'ready' | 'runs' | 'gone'; readonly id: number }
  | { readonly kind: 'credit'; readonly worker: number; readonly count: number }
  | { readonly kind: 'claims'; readonly worker: number }
  | { readonly kind: 'returns'; readonly worker: number; readonly how: 'free' | 'refused' | 'stale' }
  | { readonly kind: 'leaves'; readonly worker: number }
  | { readonly kind: 'moves' | 'pass' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('ready'), id: fc.nat(15) }),
    fc.record({ kind: fc.constant('gone'), id: fc.nat(15) }),
    fc.record({ kind: fc.constant('credit'), worker: fc.nat(2), count: fc.nat(5) }),
    fc.record({ kind: fc.constant('claims'), worker: fc.nat(2) }),
    fc.record({
      kind: fc.constant('returns'),
      worker: fc.nat(2),
      how: fc.constantFrom('free', 'refused', 'stale'),
    }),
    fc.record({ kind: fc.constant('leaves'), worker: fc.nat(2) }),
    fc.record({ kind: fc.constantFrom('moves', 'pass') }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 120, size: 'max' },
);

/** A task as it is stored, and offers as workers have them: any of them may be claimed as long as its revision and term hold. */
type Stored = { revision: number; state: 'ready' | 'runs' | 'none' };

test('whatever happens, and however late claims are: never more run than may, and room is used', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const LIMITS = { queue: 4, type: 2, group: 2 };
      const queue = queueWith(
        { kind: 'limit', limit: { of: 'queue', concurrency: LIMITS.queue } },
        { kind: 'limit', limit: { of: 'type', name: 'a', concurrency: LIMITS.type } },
        { kind: 'limit', limit: { of: 'group', concurrency: LIMITS.group } },
      );
      const typeOf = (id: number) => (id % 2 === 0 ? 'a' : 'b');
      const groupOf = (id: number) => `g${id % 3}`;
      const stored = new Map<string, Stored>();
      const offers: { worker: string; address: string; revision: number; term: string | undefined; sentAt: number }[] =
        [];
      const confirmed = new Map<string, { term: string | undefined; at: number }>();
      let source = 's';
      let now = 0;
      let revision = 1;
      const tell = (address: string): void => {
        const id = Number(address.slice(1));
        const { revision: at, state } = stored.get(address) ?? { revision: 0, state: 'none' };
        const more = { type: typeOf(id), group: groupOf(id) };
        if (state === 'ready') queue.ready({ ...task(address, at), ...more }, source);
        else if (state === 'runs') queue.held({ address, revision: at, ...more }, source);
      };
      const look = (at: number): void => {
        for (const { address, revision: seen } of queue.doubts(at)) {
          const head = stored.get(address);
          if (head?.state === 'ready' && head.revision === seen) queue.unclaimed(address, seen, at);
        }
      };
      for (const step of given) {
        now += 100;
        if (step.kind === 'ready') {
          const address = `t${step.id}`;
          if ((stored.get(address)?.state ?? 'none') !== 'none') continue;
          stored.set(address, { revision: revision++, state: 'ready' });
          tell(address);
        } else if (step.kind === 'gone') {
          const known = stored.get(`t${step.id}`);
          if (known === undefined || known.state === 'none') continue;
          known.state = 'none';
          known.revision = revision++;
          queue.gone(`t${step.id}`, known.revision, source);
        } else if (step.kind === 'credit') {
          const id = `w${step.worker}`;
          queue.serve(id, new Set(['a', 'b']));
          queue.credit(id, step.count);
          confirmed.set(id, { term: queue.confirm(id, now), at: now });
        } else if (step.kind === 'claims') {
          // Any offer it ever had, the oldest first, as long as its terms are confirmed and fresh.
          const id = `w${step.worker}`;
          const proof = confirmed.get(id);
          const found = offers.findIndex((offer) => {
            const head = stored.get(offer.address);
            const isFresh = proof !== undefined && now - proof.at < VOID_MS - 1_000 && proof.term === offer.term;
            return offer.worker === id && isFresh && head?.state === 'ready' && head.revision === offer.revision;
          });
          const [offer] = found < 0 ? [] : offers.splice(found, 1);
          if (offer === undefined) continue;
          stored.set(offer.address, { revision: revision++, state: 'runs' });
          // Who watches it tells it sometime; here at the next move, or at once.
          if (revision % 2 === 0) tell(offer.address);
        } else if (step.kind === 'returns') {
          const id = `w${step.worker}`;
          const found = offers.findIndex(({ worker: owner }) => owner === id);
          const [offer] = found < 0 ? [] : offers.splice(found, 1);
          if (offer !== undefined) queue.returned(id, offer.address, offer.revision, step.how, offer.term);
        } else if (step.kind === 'leaves') {
          // It was found dead, or begins anew; what it has it may still claim as long as it believes.
          queue.leave(`w${step.worker}`);
        } else if (step.kind === 'moves') {
          // Another supervisor watches all of it from here on.
          queue.forget(source);
          source = `${source}'`;
          for (const address of stored.keys()) tell(address);
          queue.settle(source, () => true);
        } else {
          now += 700;
          queue.expire(now);
          look(now);
        }
        for (const [id, dealt] of queue.deal(now))
          for (const { address, revision: at, term } of dealt)
            offers.push({ worker: id, address, revision: at, term, sentAt: now });
        const running = [...stored]
          .filter(([, { state }]) => state === 'runs')
          .map(([address]) => Number(address.slice(1)));
        assert.ok(running.length <= LIMITS.queue, `${running.length} run`);
        assert.ok(running.filter((id) => typeOf(id) === 'a').length <= LIMITS.type);
        for (const group of ['g0', 'g1', 'g2'])
          assert.ok(running.filter((id) => groupOf(id) === group).length <= LIMITS.group, group);
      }
      // It heals: once all is told and every term is void, there is as much room as there should be.
      for (const address of stored.keys()) tell(address);
      queue.settle(source, () => true);
      for (const [address, { state, revision: at }] of stored) if (state === 'none') queue.gone(address, at, source);
      for (const id of ['w0', 'w1', 'w2']) queue.leave(id);
      for (let i = 0; i < 20; i++) {
        queue.expire((now += 20 * OFFER_MS));
        look(now);
      }
      const held = [...queue.limits.counts()].find(({ limit }) => limit.of === 'queue')?.held ?? 0;
      assert.is(held, [...stored.values()].filter(({ state }) => state === 'runs').length);
    }),
    { numRuns: 1_000 },
  );
});

test.run();
