import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { ARCHIVE_TTL_MS, EVENTS_MAX_BYTES, LEASE_MS, LEASE_RENEW_MS, namesOf, streamConfigs } from './index.ts';

const test = suite('names and streams');

test('a namespace is upper case, and nothing that is a wildcard or two tokens', () => {
  for (const good of ['BATON', 'A', 'A_1', 'X'.repeat(32)]) assert.is(namesOf(good).namespace, good);
  for (const bad of ['', 'a', 'A.B', 'A*', '>', 'A B', '1A', '_A', 'A-B', 'É', 'X'.repeat(33), 'A\n']) {
    assert.throws(() => namesOf(bad), /a namespace is/);
  }
});

test('names of two namespaces never meet', () => {
  const texts = (namespace: string) => {
    // The server knows a bucket by its stream.
    const {
      namespace: _,
      tasksBucket: _tasks,
      nodesBucket: _nodes,
      operationsBucket: _operations,
      definitionsBucket: _definitions,
      schedulesBucket: _schedules,
      queuesBucket: _queues,
      ...names
    } = namesOf(namespace);
    return Object.values(names).filter((v) => typeof v === 'string');
  };
  const shared = new Set(['projector', 'quarantine', 'due', 'commands']);
  for (const [a, b] of [
    ['A', 'A_TASKS'],
    ['A', 'KV_A'],
    ['BATON', 'BATON_RUN'],
    ['A', 'AB'],
  ] as const) {
    const taken = new Set(texts(a));
    assert.equal(
      texts(b).filter((text) => taken.has(text) && !shared.has(text)),
      [],
    );
  }
});

test('the streams have names of their own, and the server is told the same about them every time', () => {
  for (const replicas of [1, 3]) {
    const configs = streamConfigs(namesOf('X'), { replicas });
    assert.equal(
      configs.map((c) => c.name),
      [
        ...['KV_X_TASKS', 'X_EVENTS', 'OBJ_X_OBJECTS'],
        ...[
          'X_COMMANDS',
          'X_DEAD',
          'KV_X_OPERATIONS',
          'KV_X_DEFINITIONS',
          'KV_X_SCHEDULES',
          'KV_X_QUEUES',
          'KV_X_NODES',
        ],
      ],
    );
    assert.is(new Set(configs.flatMap((c) => c.subjects ?? [])).size, 11);
    assert.equal(configs, streamConfigs(namesOf('X'), { replicas }));
    assert.ok(configs.every((c) => c.num_replicas === replicas));
  }
});

test('only what can be rebuilt is acknowledged before it is on the disk, and only where there is one copy', () => {
  const modes = (replicas: number) => streamConfigs(namesOf(), { replicas }).map((c) => c.persist_mode);
  const [sure, soon] = [undefined, 'async'];
  assert.equal(modes(1), [sure, soon, sure, sure, soon, sure, sure, sure, sure, soon]);
  assert.ok(modes(3).every((mode) => mode === sure));
});

test('the log takes what is published to it, is bounded unless told otherwise, and can be left out', () => {
  const [, events] = streamConfigs(namesOf('X'), { replicas: 1, eventsMaxBytes: 5 });
  assert.equal([events?.name, events?.subjects, events?.max_bytes], ['X_EVENTS', ['x.events.>'], 5]);
  const without = streamConfigs(namesOf('X'), { replicas: 1, events: false });
  assert.not.ok(without.some(({ name }) => name === 'X_EVENTS'));
  const bytes = (eventsMaxBytes?: number) =>
    streamConfigs(namesOf('X'), { replicas: 1, ...(eventsMaxBytes === undefined ? {} : { eventsMaxBytes }) })[1]
      ?.max_bytes;
  assert.equal([bytes(), bytes(0)], [EVENTS_MAX_BYTES, undefined]);
});

test('timings fit each other', () => {
  // Two renewals may be lost before a lease is over.
  assert.ok(LEASE_MS >= 3 * LEASE_RENEW_MS);
  assert.ok(ARCHIVE_TTL_MS >= 10_000);
});

test.run();
