// P2, P6 under faults: whatever is lost, late or killed, bucket, event log and documents come to tell the same.
import { readRecord } from '@baton/protocols';
import { checkConvergence, createRandom, describeReport, recordedOf, type FaultRule } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { projectorScene } from '../../../../test/support/projector-scene.ts';
import { suite } from '../../../../test/support/suite.ts';
import { BatonError } from '../errors.ts';
import type { Entry } from '../ports/store.ts';
import type { Projector } from './projector.ts';

const test = suite('projections under faults');

const SEEDS = Number(process.env['BATON_PROJECTION_SEEDS'] ?? 12);
const ROUNDS = 12;
const KEYS = 4;

const rules: readonly FaultRule[] = [
  { op: 'reader.open', fault: 'lost-reply' },
  { op: 'reader.next', fault: 'lost-request' },
  { op: 'reader.next', fault: 'lost-reply' },
  { op: 'reader.ack', fault: 'lost-request' },
  { op: 'reader.ack', fault: 'lost-reply' },
  { op: 'reader.ack', fault: 'late-apply', delayMs: 3_000 },
  { op: 'log.append', fault: 'lost-reply' },
  { op: 'log.append', fault: 'late-apply', delayMs: 2_000 },
  { op: 'log.append', fault: 'refused' },
  { op: 'store.write', fault: 'lost-reply', node: 'one' },
  { op: 'store.write', fault: 'late-apply', node: 'two' },
  { op: 'projection.progress', fault: 'lost-request' },
];

const run = async (seed: number): Promise<void> => {
  const scene = projectorScene(seed);
  const { clock, world, views, start, live, ports } = scene;
  const random = createRandom(seed).fork('faults');
  for (const rule of rules) world.inject({ ...rule, probability: random.next() * 0.3 });
  const projectors = new Map<string, Projector>();
  for (const name of ['one', 'two']) projectors.set(name, await start(name, { paceMs: 50 }));
  const ended: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < 3; i++) ended.push((await live(`k${random.int(KEYS)}`)).record.id);
    const away = random.hits(0.3);
    views.failWith(away ? new BatonError('MONGO_UNAVAILABLE', 'no database') : undefined);
    const name = random.hits(0.5) ? 'one' : 'two';
    const what = random.next();
    if (what < 0.4) {
      world.node(name).crash();
      projectors.set(name, await start(name, { paceMs: 50 }));
    } else if (what < 0.6) world.node(name).disconnect();
    else if (what < 0.8) world.node(name).freeze();
    await clock.advance(random.next() * 12_000);
    world.node(name).resume();
    world.node(name).reconnect();
  }
  views.failWith(undefined);
  world.heal();
  await clock.advance(90_000);
  const { epoch } = ports.store;
  const recorded = (entries: readonly Entry[]) => entries.map((entry) => recordedOf(entry, epoch));
  const report = checkConvergence({
    heads: recorded([...world.outcomes(), ...world.heads()]),
    events: recorded(world.events()),
    documents: views.documents().map((document) => ({ ...document })),
  });
  assert.ok(report.ok, `seed ${seed}: ${describeReport(report)}`);
  const logged = new Set(world.events().map(({ bytes }) => idOf(bytes)));
  for (const id of ended) {
    assert.is(views.get(id)?.status, 'success', `seed ${seed}: ${id}`);
    assert.ok(logged.has(id), `seed ${seed}: ${id} is not in the log`);
  }
  // Nothing is left but what has an end before it.
  await clock.advance(180_000);
  assert.equal([world.heads(), world.outcomes()], [[], []], `seed ${seed}: not forgotten`);
  for (const projector of projectors.values()) await clock.settle(projector.stop());
  world.close();
};

const idOf = (bytes: Uint8Array): string => {
  const read = readRecord(bytes);
  return read.kind === 'record' ? read.record.id : '';
};

test(
  `P2, P6 ${SEEDS} seeds: killed, frozen, cut off, answers lost and late, MongoDB away: nothing is missing`,
  async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await run(seed);
  },
  { limitMs: 120_000 },
);

test.run();
