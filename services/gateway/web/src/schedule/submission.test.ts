import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { EMPTY_DRAFT, faultsOf, isAboutArguments, parseArgs, submissionOf } from './submission.ts';

const test = suite('the schedule form');
const NOW = Date.UTC(2030, 0, 1);

test('only what was filled in is sent', () => {
  assert.equal(submissionOf({ ...EMPTY_DRAFT, type: 'send_mail', args: '[1, {"a": null}]' }, 'op'), {
    type: 'send_mail',
    args: [1, { a: null }],
    operation_id: 'op',
  });
});

test('all of it, each in the shape the server takes', () => {
  const draft = {
    type: 't',
    args: ' ',
    key: 'k',
    name: 'n',
    scope: 'shared',
    timeout: '90',
    queue: 'q',
    priority: 'high',
    runAt: '2030-01-01T12:00',
    tags: 'tenant=acme, order=17',
  };
  const sent = submissionOf(draft, 'op');
  assert.equal(sent.args, []);
  assert.is(sent.timeout, 90);
  assert.equal(sent.tags, { tenant: 'acme', order: 17 });
  assert.is(submissionOf({ ...draft, timeout: '5 m' }, 'op').timeout, '5m');
  assert.is(sent.run_at, new Date(2030, 0, 1, 12).toISOString());
  assert.equal([sent.task_key, sent.task_name, sent.queue, sent.priority], ['k', 'n', 'q', 'high']);
});

test('X2 X7 what the server would refuse is said at its field', () => {
  assert.equal(Object.keys(faultsOf(EMPTY_DRAFT, NOW)), ['type']);
  const bad = {
    ...EMPTY_DRAFT,
    type: '<b>',
    args: '{}',
    scope: 'shared',
    timeout: 'soon',
    runAt: '2032-01-01T00:00',
    tags: '1',
  };
  assert.equal(Object.keys(faultsOf(bad, NOW)).toSorted(), ['args', 'key', 'runAt', 'tags', 'timeout', 'type']);
  assert.equal(faultsOf({ ...EMPTY_DRAFT, type: 'ok', timeout: '1.5h', runAt: '2029-01-01T00:00' }, NOW), {});
});

test('D10 a key is asked for where the type is shared, unless another scope is chosen', () => {
  const draft = { ...EMPTY_DRAFT, type: 'ok' };
  assert.equal(Object.keys(faultsOf(draft, NOW, 'shared')), ['key']);
  assert.equal(faultsOf({ ...draft, scope: 'private' }, NOW, 'shared'), {});
  assert.equal(faultsOf({ ...draft, key: 'k' }, NOW, 'shared'), {});
});

test('a refusal of arguments is told from others', () => {
  assert.ok(isAboutArguments('args[0].to: must be string (the arguments of t)'));
  assert.ok(isAboutArguments('args: must NOT have fewer than 1 items (the arguments of t)'));
  assert.not.ok(isAboutArguments('the arguments are 9 bytes'));
  assert.not.ok(isAboutArguments('argsSchema: is a JSON Schema'));
  assert.not.ok(isAboutArguments(''));
});

test('arguments that are no list say so', () => {
  assert.match(String(parseArgs('{"a":1}')), /list/);
  assert.match(String(parseArgs('[1,')), /Not JSON/);
  assert.match(String(parseArgs('[{"id":9007199254740993}]')), /^\[0\]\.id: 9007199254740993 is beyond/);
  assert.equal(parseArgs('[{"__proto__": 1}]'), [JSON.parse('{"__proto__": 1}')]);
});

test.run();
