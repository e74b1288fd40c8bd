import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import {
  addressOf,
  allPartitions,
  hashOf,
  NAME_PATTERN,
  parseAddress,
  partitionOf,
  partitionOfAddress,
  PARTITIONS,
  token,
  typeTokenOf,
  untoken,
} from './index.ts';
import type { Identity } from './address.ts';

const test = suite('address');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

const HOSTILE: readonly string[] = [
  ...['>', '*', 'a.*', 'a.>', '..', 'a..b', '.a', 'a.', '', ' ', 'a b', '\t', 'a\r\nPUB x 1\r\nhi', '\0', 'é', '😀'],
  ...[
    '$JS.API.STREAM.DELETE.KV_x',
    '_INBOX.x',
    '../../x',
    '%2e%2e',
    'x'.repeat(513),
    'x'.repeat(5_000),
    'x'.repeat(1 << 20),
  ],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'NATS/1.0\r\nKV-Operation: DEL'],
];

const of = (key: string, change: Partial<Identity> = {}) =>
  addressOf({ scope: 'shared', type: 'report', key, ...change });

test('T20 T25 any key makes a working address: three tokens, hex and a type, no wildcard', () => {
  for (const key of HOSTILE) {
    for (const change of [{}, { scope: 'private', user: key } as const]) {
      const address = of(key, change);
      assert.match(address, /^[0-3][0-9a-f]\.report\.[0-9a-f]{32}$/);
      assert.is(parseAddress(address), address);
    }
  }
  assert.is(new Set(HOSTILE.map((key) => of(key))).size, HOSTILE.length);
});

test('T20 no type but a name becomes a subject token', () => {
  for (const type of HOSTILE.filter((text) => !NAME_PATTERN.test(text)))
    assert.throws(() => of('k', { type }), /a task type is/);
  assert.is(typeTokenOf(of('k', { type: 'mail.send-v2_x' })), 'mail=send-v2_x');
});

test('T20 what is no address is not read as one', () => {
  const good = of('k');
  const [partition = '', type = '', hash = ''] = good.split('.');
  const other = allPartitions().find((p) => p !== partition);
  const bad = [
    ...HOSTILE.flatMap((text) => [
      text,
      `${partition}.${text}.${hash}`,
      `${partition}.${type}.${text}`,
      `${text}.${type}.${hash}`,
    ]),
    ...[`${good}.x`, `x.${good}`, `${good}\n`, good.toUpperCase(), `${partition}.a.b.${hash}`, `${partition}..${hash}`],
    ...[`${other}.${type}.${hash}`, `ff.${type}.${hash}`, `${partition}.-a.${hash}`, `${partition}.${type}.${hash}0`],
  ];
  for (const text of bad) {
    // Names of methods are types like any other.
    const isType =
      text.split('.').length === 3 &&
      NAME_PATTERN.test(text.split('.')[1] ?? '') &&
      text.startsWith(`${partition}.`) &&
      text.endsWith(`.${hash}`);
    assert.is(parseAddress(text), isType ? text : undefined, text.slice(0, 80));
  }
});

test('T21 Unicode twins, case and spaces are different keys; a lone surrogate is no key', () => {
  const twins = ['é', 'é'.normalize('NFD'), 'A', 'a', 'a ', 'a\u200d'];
  assert.is(new Set(twins.map((key) => of(key))).size, twins.length);
  assert.throws(() => of('\ud800'), /lone surrogate/);
  assert.throws(() => of('k', { scope: 'private', user: '\udfff' }), /lone surrogate/);
});

test('D1 the parts are kept apart, whatever is written in them', () => {
  const different: readonly Identity[] = [
    { scope: 'private', type: 'a', key: 'b|c', user: 'd' },
    { scope: 'private', type: 'a', key: 'b', user: 'c|d' },
    { scope: 'private', type: 'a', key: 'bc', user: 'd' },
    { scope: 'private', type: 'a', key: 'b', user: 'cd' },
    { scope: 'private', type: 'ab', key: 'c', user: 'd' },
    { scope: 'shared', type: 'a', key: 'b' },
    { scope: 'system', type: 'a', key: 'b' },
    { scope: 'private', type: 'a', key: 'b', user: '' },
    { scope: 'private', type: 'a', key: '', user: 'b' },
  ];
  assert.is(new Set(different.map(addressOf)).size, different.length);
});

test('D1 the user is part of a private key and of no other', () => {
  assert.is(of('k', { user: 'alice' }), of('k', { user: 'bob' }));
  assert.is.not(of('k', { scope: 'private', user: 'alice' }), of('k', { scope: 'private', user: 'bob' }));
});

test(
  'D1 addresses are equal exactly where identities are',
  () => {
    const text = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('a', '|', 'a|a', ''));
    const type = fc.constantFrom('a', 'a.a', 'a_a', 'b');
    const identity = fc.record<Identity>({
      scope: fc.constantFrom('private', 'shared', 'system'),
      type,
      key: text,
      user: text,
    });
    const canonical = ({ scope, type, key, user }: Identity) =>
      JSON.stringify(scope === 'private' ? [scope, type, key, user] : [scope, type, key]);
    fc.assert(
      fc.property(identity, identity, (a, b) =>
        assert.is(addressOf(a) === addressOf(b), canonical(a) === canonical(b)),
      ),
      { numRuns: 5_000 },
    );
  },
  SLOW,
);

test('an address tells its parts', () => {
  const address = of('k', { type: 'a.b' });
  assert.is(address, `${partitionOfAddress(address)}.${typeTokenOf(address)}.${hashOf(address)}`);
  assert.is(partitionOf(hashOf(address)), partitionOfAddress(address));
  assert.is(untoken(typeTokenOf(address)), 'a.b');
  // It is stored in every installation: it must never change.
  assert.is(
    addressOf({ scope: 'private', type: 'report', key: 'k', user: 'alice' }),
    '1a.report.8e926bed593eb12d805179d1747cfc9a',
  );
});

test('keys are spread evenly over the partitions', () => {
  const counts = new Map(allPartitions().map((partition) => [partition, 0]));
  assert.is(counts.size, PARTITIONS);
  const keys = 64_000;
  for (let i = 0; i < keys; i++) {
    const partition = partitionOfAddress(of(`key-${i}`));
    assert.ok(counts.has(partition));
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
  }
  const expected = keys / PARTITIONS;
  const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  // 63 degrees of freedom: above 114 once in ten thousand draws, and this draw is always the same.
  assert.ok(chiSquare < 114, String(chiSquare));
});

test(
  'a name and its token: one for one, since no name has a =',
  () => {
    const name = fc.stringMatching(NAME_PATTERN);
    fc.assert(
      fc.property(name, name, (a, b) => {
        assert.is(untoken(token(a)), a);
        assert.is(token(a) === token(b), a === b);
        assert.match(token(a), /^[A-Za-z0-9][A-Za-z0-9_=-]*$/);
      }),
      { numRuns: 2_000 },
    );
    for (const bad of ['a=b', '=', '', '.a', '-a', '_a', 'a b', 'a*', 'a>', 'é', 'x'.repeat(101), 'a\n'])
      assert.not.ok(NAME_PATTERN.test(bad), bad);
  },
  SLOW,
);

test.run();
