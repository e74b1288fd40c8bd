import { allPartitions } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ownedBy, ownerOf } from './rendezvous.ts';

const test = suite('supervisor: rendezvous');
const partitions = allPartitions();

test('every partition has one owner, whatever the order in which members are named', () => {
  const members = ['a', 'b', 'c'];
  const shares = members.map((member) => ownedBy(member, partitions, members));
  assert.equal(shares.flat().toSorted(), [...partitions]);
  for (const partition of partitions) assert.is(ownerOf(partition, members), ownerOf(partition, members.toReversed()));
});

test('shares are even enough', () => {
  for (const members of [
    ['s-1', 's-2'],
    ['host-a-101', 'host-a-102', 'host-b-7'],
    ['x1', 'x2', 'x3', 'x4'],
  ]) {
    for (const member of members) {
      const share = ownedBy(member, partitions, members).length;
      const fair = partitions.length / members.length;
      assert.ok(share > fair / 2 && share < fair * 1.6, `${member} has ${share} of ${partitions.length}`);
    }
  }
});

test('when a member goes, only its share moves', () => {
  const before = new Map(partitions.map((p) => [p, ownerOf(p, ['a', 'b', 'c'])]));
  for (const partition of partitions) {
    const owner = before.get(partition);
    if (owner !== 'c') assert.is(ownerOf(partition, ['a', 'b']), owner);
  }
});

test('no members, no owner', () => assert.is(ownerOf('00', []), undefined));

test.run();
