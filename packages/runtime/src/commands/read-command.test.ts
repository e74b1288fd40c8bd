import { encode } from '@baton/protocols';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { formatOf, readCommand } from './read-command.ts';

const test = suite('commands: reading');

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const json = (value: unknown): Uint8Array => text(JSON.stringify(value));
const submit = (body: Uint8Array, contentType?: string) =>
  readCommand({
    verb: 'submit',
    type: 'send.mail',
    bytes: body,
    ...(contentType === undefined ? {} : { contentType }),
  });

const messageOf = (reading: ReturnType<typeof readCommand>): string =>
  reading.kind === 'bad' ? reading.message : `not bad: ${reading.kind}`;

test('all fields of a submit, in both formats', () => {
  const body = {
    ...{ type: 'send.mail', args: [1, { a: [null] }], task_key: 'k', task_name: 'n', scope: 'shared', timeout: '5m' },
    ...{ queue: 'q', priority: 'high', run_at: '2030-01-01T00:00:00+01:00', max_attempts: 3, max_rescues: 0 },
    ...{
      backoff: { initial: 1, factor: 2, max: '1m', jitter: 0 },
      on_orphan: 'fail',
      abort_grace: 2,
      isolation: 'thread',
    },
    ...{ operation_id: 'o', when_aborting: 'join', user: { id: 'alice', admin: true }, v: 1 },
  };
  for (const bytes of [json(body), encode(body)]) {
    const reading = submit(bytes);
    if (reading.kind !== 'submit') throw new Error(messageOf(reading));
    const { timeout, run_at, backoff, abort_grace, user } = reading.command;
    assert.equal([timeout, abort_grace, run_at], [300_000, 2_000, Date.parse('2029-12-31T23:00:00Z')]);
    assert.equal(backoff, { initial: 1_000, factor: 2, max: 60_000, jitter: 0 });
    assert.equal(user, { id: 'alice', admin: true });
  }
});

test('MessagePack brings what JSON has not: dates and bytes', () => {
  const at = new Date('2030-01-01T00:00:00Z');
  const reading = submit(encode({ run_at: at, args: [Uint8Array.of(1, 2), at], user: { id: 'a' } }));
  if (reading.kind !== 'submit') throw new Error(messageOf(reading));
  assert.is(reading.command.run_at, at.getTime());
  assert.ok(reading.command.args?.[0] instanceof Uint8Array);
});

test('the format is what is said, and seen where nothing is said', () => {
  assert.is(formatOf({ bytes: json({}) }), 'json');
  assert.is(formatOf({ bytes: encode({}) }), 'msgpack');
  assert.is(formatOf({ bytes: encode({}), contentType: 'Application/JSON; charset=utf-8' }), 'json');
  assert.is(formatOf({ bytes: json({}), contentType: 'text/xml' }), undefined);
  assert.match(messageOf(submit(json({}), 'text/xml')), 'Content-Type');
  assert.match(messageOf(submit(encode({}), 'application/json')), 'no JSON');
  assert.match(messageOf(submit(json({ args: [] }), 'application/msgpack')), 'no MessagePack');
});

test('what is not known is refused, and what is known is checked', () => {
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ colour: 1 }, /colour/],
    [{ user: { id: 'a', root: true } }, /root/],
    [{ user: { id: '' } }, /user\.id/],
    [{ task_key: '' }, /task_key/],
    [{ task_key: 'x'.repeat(257) }, /task_key/],
    [{ task_key: '\ud800' }, /task_key/],
    [{ queue: 'a b' }, /queue/],
    [{ timeout: -1 }, /timeout/],
    [{ timeout: 'soon' }, /timeout/],
    [{ timeout: 1e300 }, /^timeout: is a number of seconds .*up to 366 days/],
    [{ abort_grace: '99999999d' }, /^abort_grace: is a number of seconds/],
    [{ backoff: { initial: 1e300 } }, /^backoff\.initial: is a number of seconds/],
    [{ delay: 366 * 86_400 + 1 }, /^delay: /],
    [{ max_attempts: 1_001 }, /^max_attempts: is a whole number, 1 to 1000/],
    [{ max_rescues: 1.5 }, /^max_rescues: is a whole number, 0 to 1000/],
    [{ user: { id: 'x'.repeat(257) } }, /^user\.id: is text of 1 to 256 characters/],
    [{ run_at: 'tomorrow' }, /^run_at: is a time with a zone, such as 2030-01-31T18:00:00Z$/],
    [{ run_at: '2030-01-01T00:00:00' }, /^run_at: is a time with a zone/],
    [{ expires_at: 5 }, /^expires_at: is a time with a zone/],
    [{ run_at: '2030-01-01T00:00:00Z', delay: 1 }, /^delay: run_at and delay cannot both be set$/],
    [{ max_attempts: 0 }, /max_attempts/],
    [{ backoff: { jitter: 2 } }, /backoff\.jitter/],
    [{ args: { a: 1 } }, /args/],
    [{ args: Array.from({ length: 1_001 }, () => 1) }, /args/],
    [{ type: 'other' }, /the subject of type 'send\.mail'/],
    [{ v: 0 }, /v/],
  ];
  for (const [body, reason] of bad) assert.match(messageOf(submit(json(body))), reason, JSON.stringify(body));
});

test('bytes that are no map, and hostile ones, are bad and no more', () => {
  const bodies = [
    new Uint8Array(),
    Uint8Array.of(0xc1),
    json([]),
    json(null),
    json('x'),
    encode(7),
    Uint8Array.of(0x7b, 0xff),
  ];
  for (const body of bodies) assert.is(submit(body).kind, 'bad');
  const proto = submit(new TextEncoder().encode('{"__proto__":{"admin":true},"user":{"id":"a"}}'));
  assert.is(proto.kind, 'bad');
  const nested = `{"args":[${'['.repeat(50_000)}${']'.repeat(50_000)}]}`;
  assert.ok(
    ['bad', 'submit'].includes(submit(new TextEncoder().encode(nested)).kind),
    'refused here or when it is encoded',
  );
});

test('a verb that does not exist, and a submit without a type', () => {
  const body = json({ user: { id: 'a' } });
  assert.match(messageOf(readCommand({ verb: 'explode', bytes: body })), "no command 'explode'");
  assert.match(messageOf(readCommand({ verb: 'submit', bytes: body })), 'names no type');
});

test('a subject that names no type, or says more than it may, is a bad command', () => {
  const body = json({ user: { id: 'a' } });
  for (const type of ['he~bad', '-x', 'é', '...', 'x'.repeat(101), 'a>b', '']) {
    assert.match(
      messageOf(readCommand({ verb: 'submit', type, bytes: body })),
      /^type, in the subject: is 1 to 100/,
      type,
    );
  }
  assert.match(
    messageOf(readCommand({ verb: 'cancel', type: 'x', bytes: body })),
    'the subject ends with cancel: nothing may stand behind it',
  );
});

test('X4 an integer that would come out as another one is refused, with its place', () => {
  const bytes = new TextEncoder().encode('{"args":[{"id":9007199254740993}],"user":{"id":"a"}}');
  assert.match(messageOf(submit(bytes)), /^args\[0\]\.id: 9007199254740993 is beyond 2\^53 - 1/);
});

test('no bytes whatever make reading throw', () => {
  const kinds = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(text), fc.jsonValue().map(encode));
  const types = fc.option(fc.oneof(fc.constant('application/json'), fc.constant('application/msgpack'), fc.string()));
  fc.assert(
    fc.property(kinds, types, fc.string(), fc.option(fc.string()), (bytes, contentType, verb, type) => {
      for (const named of [verb, 'submit', 'cancel']) {
        readCommand({
          verb: named,
          bytes,
          ...(type === null ? {} : { type }),
          ...(contentType === null ? {} : { contentType }),
        });
      }
    }),
    { numRuns: 2_000 },
  );
});

test('X10 a command of a newer version is no bad one', () => {
  assert.equal(submit(json({ v: 2, whatever: true })), { kind: 'newer', version: 2 });
  assert.is(readCommand({ verb: 'cancel', bytes: encode({ v: 9 }) }).kind, 'newer');
});

test('a cancel takes an id of any shape: an unknown one and a malformed one are one answer', () => {
  for (const id of ['018bcfe5-6800-7000-8000-000000000000', 'no id']) {
    const reading = readCommand({ verb: 'cancel', bytes: json({ id, force: true, user: { id: 'a' } }) });
    assert.is(reading.kind, 'cancel');
  }
  assert.match(messageOf(readCommand({ verb: 'cancel', bytes: json({ user: { id: 'a' } }) })), 'id');
});

test.run();
