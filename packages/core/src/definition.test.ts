import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { chooseDefinition, definitionDifferences, type KeptDefinition, type ServedDefinition } from './definition.ts';
import type { Policy } from './task.ts';

const test = suite('definitions of types');

const offer = (worker: string, since: number, policy: Policy = {}): ServedDefinition => ({
  worker,
  since,
  digest: JSON.stringify(policy),
  definition: { type: 't', scope: 'private', queue: 'default', priority: 'normal', policy },
});

const old = (worker: string, since: number) => offer(worker, since);
const recent = (worker: string, since: number) => offer(worker, since, { timeoutMs: 5 });
const kept = (of: ServedDefinition, conflicts: KeptDefinition['conflicts'] = []): KeptDefinition => ({
  ...of,
  conflicts,
});

test('D10 the first definition of a type is kept, and stays while nobody serves it', () => {
  const first = chooseDefinition(undefined, [old('a', 1)], false);
  assert.equal(first, kept(old('a', 1)));
  assert.is(chooseDefinition(first, [], true), undefined);
  assert.is(
    chooseDefinition(first, [old('b', 9)], true),
    undefined,
    'another worker of the same definition is no news',
  );
});

test('D10 the one that came up last is kept; who serves another one is named with the fields', () => {
  const now = chooseDefinition(kept(old('a', 1)), [old('a', 1), recent('b', 2)], true);
  assert.equal(now, kept(recent('b', 2), [{ worker: 'a', fields: ['timeoutMs'] }]));
  assert.is(chooseDefinition(now, [old('a', 1), recent('b', 2)], true), undefined);
  assert.is(
    chooseDefinition(now, [old('a', 1), recent('b', 2), old('c', 3)], true)?.digest,
    now?.digest,
    'an old one again is no newer',
  );
  assert.equal(chooseDefinition(now, [recent('b', 2)], true), kept(recent('b', 2)), 'the conflict is over');
});

test('D10 it goes back only when all are heard and nobody serves the newer one any more', () => {
  const now = kept(recent('b', 2));
  assert.is(chooseDefinition(now, [old('a', 1)], false)?.digest, now.digest);
  assert.equal(chooseDefinition(now, [old('a', 1)], true), kept(old('a', 1)));
  assert.equal(chooseDefinition(now, [old('c', 3)], false), kept(old('c', 3)), 'rolled back by new workers');
});

test('a conflict is not taken back before all are heard', () => {
  const now = kept(recent('b', 2), [{ worker: 'a', fields: ['timeoutMs'] }]);
  assert.is(chooseDefinition(now, [recent('b', 2)], false), undefined);
  assert.equal(chooseDefinition(now, [], true), kept(recent('b', 2)));
});

test('D10 two workers that take other arguments disagree, though what was submitted runs the same', () => {
  const withSchema = ({ definition, ...rest }: ServedDefinition, argsSchema: object): ServedDefinition => ({
    ...rest,
    digest: JSON.stringify(argsSchema),
    definition: { ...definition, argsSchema },
  });
  const now = chooseDefinition(
    undefined,
    [withSchema(old('a', 1), { maxItems: 1 }), withSchema(old('b', 2), { maxItems: 2 })],
    true,
  );
  assert.equal(now?.conflicts, [{ worker: 'a', fields: ['argsSchema'] }]);
});

test('what only people read is no difference', () => {
  const { definition } = old('a', 1);
  assert.equal(definitionDifferences(definition, { ...definition, title: 'T' } as never), []);
  assert.equal(definitionDifferences(definition, { ...definition, scope: 'shared', policy: { maxAttempts: 2 } }), [
    'maxAttempts',
    'scope',
  ]);
});

test.run();
