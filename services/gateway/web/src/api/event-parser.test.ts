import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { createEventParser, type ServerEvent } from './event-parser.ts';

const test = suite('event stream parser');

const STREAM =
  ': keep-alive\n\nid: 7\nevent: task\ndata: {"a":1}\n\ndata: one\ndata: two\n\nevent: empty\n\r\nid: 9\r\ndata:x\r\n\r\n';

const parsed = (chunks: readonly string[]): readonly ServerEvent[] => {
  const events: ServerEvent[] = [];
  const parse = createEventParser((event) => events.push(event));
  for (const chunk of chunks) parse(chunk);
  return events;
};

const EXPECTED = [
  { event: 'task', data: '{"a":1}', id: '7' },
  { event: 'message', data: 'one\ntwo', id: '' },
  { event: 'message', data: 'x', id: '9' },
];

test('E2 events, ids and several lines; comments and events without data are none', () => {
  assert.equal(parsed([STREAM]), EXPECTED);
});

test('E2 the same wherever a chunk ends', () => {
  assert.equal(parsed(STREAM.split('')), EXPECTED);
  for (let at = 0; at <= STREAM.length; at++) {
    assert.equal(parsed([STREAM.slice(0, at), STREAM.slice(at)]), EXPECTED, `cut at ${at}`);
  }
});

test('an event that is not complete is not given', () => {
  assert.equal(parsed(['data: half\n']), []);
});

test.run();
