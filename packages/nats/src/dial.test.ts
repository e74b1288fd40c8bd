import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { dialOf, readServers } from './dial.ts';

const test = suite('dial settings');

test('servers: one or many, with or without a scheme', () => {
  assert.equal(readServers('127.0.0.1:4222'), { servers: ['127.0.0.1:4222'], login: undefined });
  assert.equal(readServers('nats://a:1, tls://b:2,').servers, ['nats://a:1', 'tls://b:2']);
  assert.equal(readServers(['a:1', 'b:2']).servers, ['a:1', 'b:2']);
});

test('a user in a URL is taken out of it and decoded', () => {
  assert.equal(readServers('nats://me:p%40ss%3Aword@host:4222'), {
    servers: ['nats://host:4222'],
    login: { user: 'me', password: 'p@ss:word' },
  });
  assert.equal(readServers('me@host').login, { user: 'me', password: '' });
});

test('what a thread is given to dial holds nothing that cannot travel', () => {
  const settings = { servers: 'a:1', name: 'n', user: 'u', password: 'p', onFault: () => undefined, commit: 'auto' };
  assert.equal(structuredClone(dialOf(settings)), { servers: 'a:1', name: 'n', user: 'u', password: 'p' });
});

test.run();
