import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { TimerHeap, type Due } from './timer-heap.ts';

const test = suite('supervisor: timer heap');
const item = (): Due => ({ dueAt: 0, heapAt: -1 });

const drain = (heap: TimerHeap<Due>): readonly number[] => {
  const times: number[] = [];
  for (let due = heap.takeDue(Infinity); due !== undefined; due = heap.takeDue(Infinity)) times.push(due.dueAt);
  return times;
};

test('gives what is due, earliest first, and nothing that is not', () => {
  const heap = new TimerHeap<Due>();
  for (const at of [5, 3, 9, 1, 7]) heap.set(item(), at);
  assert.is(heap.takeDue(0), undefined);
  assert.is(heap.takeDue(3)?.dueAt, 1);
  assert.is(heap.takeDue(3)?.dueAt, 3);
  assert.is(heap.takeDue(3), undefined);
  assert.is(heap.earliest?.dueAt, 5);
});

test('stays in order while items are added, moved and taken out at random', () => {
  const heap = new TimerHeap<Due>();
  const inside = new Set<Due>();
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  for (let i = 0; i < 5_000; i++) {
    const known = [...inside][random(Math.max(1, inside.size))];
    const choice = random(4);
    if (choice === 0 && known !== undefined) {
      heap.remove(known);
      inside.delete(known);
      assert.is(known.heapAt, -1);
    } else if (choice === 1 && known !== undefined) heap.set(known, random(1_000));
    else if (inside.size < 200) {
      const added = item();
      heap.set(added, random(1_000));
      inside.add(added);
    }
    assert.is(heap.size, inside.size);
    assert.is(heap.earliest?.dueAt, inside.size === 0 ? undefined : Math.min(...[...inside].map((x) => x.dueAt)));
  }
  const expected = [...inside].map((x) => x.dueAt).toSorted((a, b) => a - b);
  assert.ok(expected.length > 10);
  assert.equal(drain(heap), expected);
});

test('taking out what is not in it changes nothing', () => {
  const heap = new TimerHeap<Due>();
  heap.set(item(), 1);
  heap.remove(item());
  assert.is(heap.size, 1);
});

test.run();
