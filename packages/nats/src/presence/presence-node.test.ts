import { encode, namesOf } from '@baton/protocols';
import type { NodeInfo } from '@baton/runtime';
import { headers } from '@nats-io/nats-core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { checkNode, encodeNode, hasLeft, nodeOf, readNode } from './presence-node.ts';

const node: NodeInfo = {
  role: 'worker',
  id: 'host-42-abcd',
  host: 'host',
  pid: 42,
  startedAt: 1_700_000_000_000,
  state: 'ready',
  queues: ['default', 'mail.fast'],
  types: ['job'],
  cancels: ['job'],
  concurrency: 10,
  running: 0,
  clockAheadMs: -3_600_000,
  fullRecords: [{ task: 'one', bytes: 500_000 }],
};
const {
  queues: _q,
  types: _t,
  cancels: _x,
  concurrency: _c,
  running: _r,
  clockAheadMs: _a,
  fullRecords: _f,
  ...least
} = node;

const test = suite('presence node');

test('is read as it was written, with and without what may be left out', () => {
  for (const each of [node, least]) assert.equal(readNode(encodeNode(each), 'worker', node.id), each);
});

test('unknown fields of a newer version are left out', () => {
  assert.equal(readNode(encode({ ...node, colour: 'red' }), 'worker', node.id), node);
});

test('a description under another key is none of this node', () => {
  assert.is(readNode(encodeNode(node), 'supervisor', node.id), undefined);
  assert.is(readNode(encodeNode(node), 'worker', 'other'), undefined);
});

test('bytes that are no description are none', () => {
  const broken: readonly unknown[] = [
    null,
    7,
    'x',
    [],
    {},
    { ...node, state: 'dead' },
    { ...node, pid: -1 },
    { ...node, pid: '42' },
    { ...node, host: 7 },
    { ...node, host: 'x'.repeat(1_000) },
    { ...node, startedAt: Number.NaN },
    { ...node, startedAt: 1e300 },
    { ...node, queues: ['a b'] },
    { ...node, types: 'job' },
    { ...node, cancels: [1] },
    { ...node, running: 1.5 },
    { ...node, fullRecords: [null] },
    { ...node, fullRecords: [{ task: 'one' }] },
  ];
  for (const each of broken) assert.is(readNode(encode(each), 'worker', node.id), undefined, JSON.stringify(each));
  for (const bytes of [[], [0xc1], [0xdd, 0xff, 0xff, 0xff, 0xff]]) {
    assert.is(readNode(Uint8Array.from(bytes), 'worker', node.id), undefined);
  }
});

test('a node that others could not read is refused before it is announced', () => {
  assert.not.throws(() => checkNode(node));
  for (const id of ['', 'a.b', '*', '>', 'a b', 'x'.repeat(101)]) {
    assert.throws(() => checkNode({ ...node, id }), /node id/, id);
  }
  assert.throws(() => checkNode({ ...node, host: 'x'.repeat(1_000) }), /could not read/);
});

test('a subject tells whose it is', () => {
  const names = namesOf();
  assert.equal(nodeOf(names.nodePrefix, names.nodeSubject('worker', 'w-1')), { role: 'worker', id: 'w-1' });
  for (const subject of [
    'x',
    `${names.nodePrefix}worker`,
    `${names.nodePrefix}worker.a.b`,
    `${names.nodePrefix}cook.a`,
  ]) {
    assert.is(nodeOf(names.nodePrefix, subject), undefined, subject);
  }
});

test('a tombstone is told by its header', () => {
  const tombstone = headers();
  assert.not.ok(hasLeft(tombstone));
  assert.not.ok(hasLeft(undefined));
  tombstone.set('KV-Operation', 'PURGE');
  assert.ok(hasLeft(tombstone));
});

test.run();
