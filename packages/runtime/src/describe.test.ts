import fc from 'fast-check';
import { encode, encodeData, messageOf, readRecord } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { describe } from './describe.ts';
import { createLog, silentLog } from './log.ts';
import { returnedEnd, threwEnd } from './run/body-end.ts';
import { isTerminalError, retryAfterOf, taskErrorOf } from './run/task-error.ts';
import { readUpdate } from './run/task-update.ts';
import { threadLog } from './thread/thread-log.ts';

const test = suite('describe');

const RUNS = 100_000;
/** One in so many is looked at in every way. */
const EVERY = 100;

const lines: string[] = [];
const log = createLog({ to: { write: (line: string) => void lines.push(line) } });

/** What becomes of everything that is thrown. */
const judge = (thrown: unknown): void => {
  const { message, type, stack = '' } = taskErrorOf(thrown);
  assert.ok(message.length <= 4_096 && type.length <= 100 && stack.length <= 16_384);
  assert.ok(message.isWellFormed() && type.isWellFormed() && stack.isWellFormed());
  assert.ok(typeof describe(thrown) === 'string' && typeof messageOf(thrown) === 'string');
  isTerminalError(thrown);
  retryAfterOf(thrown);
};

/** Everything else that looks at a value of a handler. None of it may throw, and all of it can be told to a thread. */
const lookAt = (thrown: unknown): void => {
  judge(thrown);
  const throwIt = (): never => {
    throw thrown;
  };
  encodeData(structuredClone(threwEnd(thrown, undefined, () => silentLog)));
  structuredClone(returnedEnd(thrown, 1_000));
  threwEnd(thrown, throwIt, () => log);
  readUpdate(thrown as never, () => silentLog, {});
  readUpdate({ progress: thrown as never, payload: thrown, tags: thrown as never }, () => silentLog, {});
  readUpdate({ tags: { name: thrown as never } }, () => silentLog, {});
  const inThread = threadLog((news) => void structuredClone(news));
  for (const each of [log, inThread]) {
    each.warn({ err: thrown, thrown }, 'said');
    each.warn(thrown as never, 'said');
  }
  lines.length = 0;
};

const bad = (): never => {
  throw new Error('hostile');
};
/** Throws itself at whoever looks at it. */
const recursive = (): unknown => {
  const proxy: unknown = new Proxy(new Error('x'), {
    get: () => {
      throw proxy;
    },
    has: () => {
      throw proxy;
    },
    getPrototypeOf: () => {
      throw proxy;
    },
    ownKeys: () => {
      throw proxy;
    },
    getOwnPropertyDescriptor: () => {
      throw proxy;
    },
  });
  return proxy;
};
const revoked = (of: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(of, {});
  revoke();
  return proxy;
};
const withGetter = (name: string, to: object = new Error('x')): unknown =>
  Object.defineProperty(to, name, { get: bad, enumerable: true, configurable: true });
const withValue = (name: string | symbol, value: unknown, to: object = new Error('x')): unknown =>
  Object.defineProperty(to, name, { value, enumerable: true, configurable: true });

const NAMES = ['name', 'message', 'stack', 'cause', 'code', 'retryAfterMs', 'constructor', 'toJSON', 'then', 'errors'];

test('R10 what no one can describe is described all the same', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const deepCause = Array.from({ length: 500 }).reduce<Error>((cause) => new Error('x', { cause }), new Error('y'));
  const million = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, i]));
  for (const thrown of [
    ...NAMES.flatMap((name) => [withGetter(name), withGetter(name, {}), withGetter(name, () => 1)]),
    ...NAMES.flatMap((name) => [Symbol('s'), 1n, {}, revoked({}), bad].map((value) => withValue(name, value))),
    ...[revoked({}), revoked([]), revoked(new Error('x')), revoked(bad), recursive()],
    withValue(Symbol.toStringTag, Symbol('tag'), {}),
    Object.defineProperty({}, Symbol.toStringTag, { get: bad }),
    withValue(Symbol.for('nodejs.util.inspect.custom'), bad),
    Object.create(recursive() as object),
    Object.assign(Object.create(null) as object, { message: { toString: bad } }),
    ...[cycle, deepCause, million, Array.from({ length: 1e5 }), 'x'.repeat(1e6), '\ud800'.repeat(1e5)],
    new Error('😀'.repeat(1e5)),
    withValue('stack', '😀'.repeat(1e5)),
    new Map([[recursive(), recursive()]]),
    new AggregateError([recursive(), revoked({})], 'many'),
    new Error('x', { cause: recursive() }),
    new (class extends Error {
      override get message(): string {
        return bad();
      }
    })(),
  ]) {
    lookAt(thrown);
  }
  const error = new Error('plain');
  withValue('name', Symbol('no name'), error);
  assert.equal([taskErrorOf(error).message, taskErrorOf(error).type], ['plain', 'Error']);
  assert.match(taskErrorOf(withGetter('message')).type, 'Error');
  assert.is(taskErrorOf({ a: [1, { b: 'c' }] }).message, "{ a: [ 1, { b: 'c' } ] }");
  assert.ok(describe(million).length < 10_000);
});

test(
  `R10 ${RUNS} values made up to throw`,
  () => {
    const leaf = fc.constantFrom<unknown>(
      ...[undefined, null, 1, NaN, 1n, '', 'text', '\ud800', Symbol('s'), bad, [], [1, [2]], {}, { a: { b: {} } }],
      ...[new Date(NaN), /x/, new Map([[1, 2]]), new Set([{}]), new Uint8Array(3), new Error('inner')],
    );
    const hostile = fc
      .record({
        base: fc.constantFrom('object', 'error', 'function', 'list', 'none'),
        members: fc.array(
          fc.tuple(
            fc.constantFrom(...NAMES, '', '0', 'length', 'other'),
            fc.constantFrom('value', 'throws', 'gives'),
            leaf,
          ),
          { maxLength: 4 },
        ),
        proxy: fc.constantFrom('no', 'no', 'plain', 'revoked', 'get', 'has', 'ownKeys', 'getPrototypeOf'),
        thrown: leaf,
      })
      // Made when it is looked at: the library that makes values looks at them too.
      .map(({ base, members, proxy, thrown }) => (): unknown => {
        const bases = { object: {}, error: new Error('x'), function: () => 1, list: [1], none: Object.create(null) };
        const value = bases[base] as object;
        for (const [name, how, member] of members) {
          const get = (): unknown => {
            if (how === 'throws') throw thrown;
            return member;
          };
          const made = how === 'value' ? { value: member, writable: true } : { get };
          try {
            Object.defineProperty(value, name, { ...made, enumerable: true, configurable: true });
          } catch {
            // Not every member of every base can be made anew: a length, a prototype.
          }
        }
        if (proxy === 'no') return value;
        if (proxy === 'revoked') return revoked(value);
        const trap = (): never => {
          throw thrown;
        };
        return new Proxy(value, proxy === 'plain' ? {} : { [proxy]: trap });
      });
    fc.assert(
      fc.property(hostile, fc.nat(EVERY), (make, turn) => (turn === 0 ? lookAt : judge)(make())),
      { numRuns: RUNS },
    );
  },
  { limitMs: 240_000 },
);

test('bytes that are no record and values that are no data are told in words', () => {
  assert.is(readRecord(encode({ v: 1 })).kind, 'corrupt');
  assert.throws(() => encodeData({ [Symbol.iterator]: 1, a: revoked({}) }), /not plain data/);
});

test.run();
