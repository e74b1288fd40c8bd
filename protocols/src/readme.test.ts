import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HISTORY_LIMIT, SUCCESSOR_LIMIT, type Status, type TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import * as protocol from './index.ts';
import { addressOf, documentOf, headers, namesOf, PARTITIONS, PRIORITIES } from './index.ts';
import { RECORD_FIELDS } from './record-shape.ts';

const test = suite('protocols/README.md');

const folder = join(process.cwd(), 'protocols');
const text = readFileSync(join(folder, 'README.md'), 'utf8');

const section = (title: string): string => {
  const [, part = ''] = text.split(`\n## ${title}\n`);
  assert.ok(part !== '', `no section '${title}'`);
  return part.split('\n## ')[0] ?? '';
};

const STATUSES: Readonly<Record<Status, true>> = {
  pending: true,
  in_progress: true,
  aborting: true,
  success: true,
  failure: true,
  aborted: true,
  timed_out: true,
};

test('every status is drawn and described', () => {
  const states = section('States');
  for (const status of Object.keys(STATUSES)) {
    assert.match(states, `| \`${status}\` |`);
    assert.match(states, new RegExp(`--> ${status}\\b`));
  }
});

/** Names in the first column of the tables of a section. */
const named = (title: string): readonly string[] =>
  section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''));

test('every field of the record is there, and no other', () => {
  assert.equal(named('The record').toSorted(), [...RECORD_FIELDS].toSorted());
});

test('every field of the document is there, and no other', () => {
  const bare: TaskRecord = {
    ...({
      v: 1,
      id: 'i',
      type: 't',
      key: 'k',
      name: 'n',
      scope: 'system',
      queue: 'q',
      priority: 'low',
      mode: 'async',
      policy: {},
    } as const),
    ...({ status: 'pending', subscribers: [], createdAt: 1, changedAt: 1, attempt: 0, history: [] } as const),
  };
  const address = addressOf({ scope: 'system', type: 't', key: 'k' });
  const edge = { id: 'a', address, name: 'a' };
  const waiting = {
    ...bare,
    tags: { a: 1 },
    dependsOn: [edge],
    steps: [{ name: 'a', at: 1 }],
    cancelling: true as const,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    children: [edge],
    parent: { id: 'a', address },
    limitKey: 'k',
  };
  const fields = Object.keys(documentOf(waiting, { address, epoch: 1, revision: 1 }));
  assert.equal(named('The MongoDB document').toSorted(), fields.toSorted());
});

test('every stream and header is there, by its name', () => {
  const streams = section('Streams, buckets, subjects');
  for (const config of protocol.streamConfigs(namesOf(), { replicas: 1 }))
    assert.match(streams, `| \`${config.name}\` |`);
  const both = streams + section('Commands');
  for (const header of Object.values(headers)) assert.match(both, `\`${header}\``);
  const names = namesOf();
  const shown = [
    ...[
      names.recordSubject('<pp>.<type>.<hash>'),
      names.liveSubject('<pp>.<type>.<hash>'),
      names.eventSubject('<pp>', '<type>'),
    ],
    ...[
      names.creditSubject('<supervisor>'),
      names.creditSubject('all'),
      names.offerSubject('<worker>'),
      names.hostsSubject,
    ],
    ...[
      names.readySubject('<supervisor>'),
      names.waitingSubject,
      names.standingSubject,
      names.nodeSubject('<role>' as never, '<id>'),
    ],
    ...[names.objectPrefix + '<name>', names.chunkSubject('<chunks>')],
    ...[names.operationSubject('<hash>')],
    ...[names.submitSubject('<type>'), names.cancelSubject, names.deadSubject('<verb>'), names.findSubject],
    ...[names.definitionSubject('<type>'), names.definedSubject('<type>'), names.announceSubject('<worker>')],
    ...[names.signalSubject('<worker>'), names.progressSubject('<task id>')],
  ];
  for (const subject of shown) assert.match(streams, `\`${subject}\``);
});

test('the limits are those of the code', () => {
  const limits = section('Limits and timings');
  const {
    DATA_DEPTH,
    DATA_NODES,
    INLINE_DATA_LIMIT,
    DATA_LIMIT,
    LARGE_DATA_NODES,
    ORPHAN_OBJECT_AGE_MS,
    COMMAND_LIMIT,
    COMMANDS_MAX_BYTES,
    DEAD_MAX_AGE_MS,
    DEAD_MAX_BYTES,
    OPERATION_TTL_MS,
    PAYLOAD_LIMIT,
    RECORD_LIMIT,
    NAME_PATTERN,
    KEY_LENGTH,
    NAME_LENGTH,
    USER_LENGTH,
  } = protocol;
  const { ERROR_MESSAGE_LENGTH, ERROR_STACK_LENGTH, LEASE_MS, LEASE_RENEW_MS, ARCHIVE_TTL_MS, EVENTS_MAX_AGE_MS } =
    protocol;
  const number = (n: number) => n.toLocaleString('en');
  const rows = [
    `| ${INLINE_DATA_LIMIT / 1_024} KiB each`,
    `| ${DATA_LIMIT / 1_048_576} MiB each, encoded; ${number(LARGE_DATA_NODES)} values`,
    `| payload | ${PAYLOAD_LIMIT / 1_024} KiB |`,
    `| command | ${COMMAND_LIMIT / 1_024} KiB |`,
    `| delay, timeout, grace, back-off | ${protocol.DURATION_LIMIT_MS / 86_400_000} days |`,
    `| attempts, rescues | ${number(protocol.ATTEMPTS_LIMIT)} each |`,
    `| arguments of one call | ${number(protocol.ARGUMENTS_LIMIT)} |`,
    `| tasks a worker runs at once | ${number(protocol.CONCURRENCY_LIMIT)} |`,
    `remembered for ${OPERATION_TTL_MS / 3_600_000} hours`,
    `| record | ${RECORD_LIMIT / 1_024} KiB |`,
    `\`${NAME_PATTERN.source.slice(1, -1)}\``,
    `| ${KEY_LENGTH} characters |`,
    `| ${number(ERROR_MESSAGE_LENGTH)} and ${number(ERROR_STACK_LENGTH)} characters |`,
    `| ${DATA_DEPTH} levels, ${number(DATA_NODES)} values |`,
    `| definition of a type | ${protocol.DEFINITION_LIMIT / 1_024} KiB; title ${protocol.TITLE_LENGTH} and description ${number(protocol.DESCRIPTION_LENGTH)} characters, schema of arguments ${protocol.ARGS_SCHEMA_LIMIT / 1_024} KiB |`,
    `| history | ${HISTORY_LIMIT} entries |`,
    `| successors | ${SUCCESSOR_LIMIT},`,
    `renewed every ${LEASE_RENEW_MS / 1_000} s, over after ${LEASE_MS / 1_000} s`,
    `forgotten after ${ARCHIVE_TTL_MS / 1_000} s`,
    `kept for ${EVENTS_MAX_AGE_MS / 86_400_000} days`,
  ];
  for (const row of rows) assert.match(limits, row);
  const streams = section('Streams, buckets, subjects');
  assert.match(streams, `| work queue, ${COMMANDS_MAX_BYTES / 1_048_576} MiB,`);
  assert.match(streams, `| limits, ${DEAD_MAX_AGE_MS / 86_400_000} days, ${DEAD_MAX_BYTES / 1_048_576} MiB |`);
  assert.match(section('The record'), `removed after ${ORPHAN_OBJECT_AGE_MS / 86_400_000} days`);
  assert.is(KEY_LENGTH, NAME_LENGTH);
  assert.is(KEY_LENGTH, USER_LENGTH);
  assert.match(section('Words'), `one of ${PARTITIONS} slices`);
  for (const priority of PRIORITIES) assert.match(text, `\`${priority}\``);
});

test('the words of the code have their meaning', () => {
  const words = section('Words');
  for (const word of [
    'task',
    'type',
    'key',
    'address',
    'record',
    'revision',
    'epoch',
    'command',
    'event',
    'refusal',
    'successor',
    'promote',
  ]) {
    assert.match(words, `**${word}**`);
  }
});

test('every decision is in the index, has its five parts, and no link is dead', () => {
  const decisions = join(folder, 'decisions');
  const index = readFileSync(join(decisions, 'README.md'), 'utf8');
  const files = readdirSync(decisions)
    .filter((name) => name !== 'README.md')
    .toSorted();
  assert.ok(files.length >= 10);
  for (const [i, name] of files.entries()) {
    assert.ok(name.startsWith(`${String(i + 1).padStart(4, '0')}-`), name);
    assert.match(index, `](${name})`);
    const record = readFileSync(join(decisions, name), 'utf8');
    for (const part of ['Date: 20', 'Status: ', '## Context', '## Decision', '## Consequences'])
      assert.match(record, part, `${name}: ${part}`);
  }
  for (const [, target = ''] of index.matchAll(/\]\(([^)]+)\)/g))
    assert.ok(existsSync(join(decisions, target)), target);
});

test.run();
