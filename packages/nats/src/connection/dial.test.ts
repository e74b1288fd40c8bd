import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { credsIn, dialOf, readServers } from './dial.ts';
import { identityCheck, tlsFault, tlsOf } from './tls.ts';

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

test('a credentials file that is renewed is read again; away or half written the last is used', async ({ defer }) => {
  const folder = await mkdtemp(join(tmpdir(), 'baton-creds-'));
  defer(() => rm(folder, { recursive: true }));
  const path = join(folder, 'baton.creds');
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  const lines = (jwt: string): string =>
    `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n` +
    `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  await writeFile(path, lines('first'));
  const login = await credsIn(path);
  const jwt = (): unknown => (login('nonce') as { readonly jwt?: string }).jwt;
  assert.is(jwt(), 'first');
  await writeFile(path, lines('second'));
  assert.is(jwt(), 'second');
  await writeFile(path, lines('third').slice(0, 60));
  assert.is(jwt(), 'second');
  await rm(path);
  assert.is(jwt(), 'second');
});

test('TLS is for who says a file or tls://, and for nobody else', async () => {
  assert.is(await tlsOf(undefined, ['nats://a:1', 'b:2']), undefined);
  assert.is(await tlsOf({}, ['a:1']), undefined);
  assert.ok(await tlsOf(undefined, ['nats://a:1', 'TLS://b:2']));
  assert.ok(await tlsOf({ caFile: process.execPath }, ['a:1']));
});

test('a certificate is for the addresses that were given, where the client says none', () => {
  const certificate = (names: string) => ({ subject: { CN: 'n' }, subjectaltname: names }) as never;
  const check = identityCheck(['tls://10.0.0.1:4222', '[::1]:4222', 'tls://n.example.org']);
  assert.is(check('localhost', certificate('IP Address:10.0.0.1')), undefined);
  assert.is(check('localhost', certificate('IP Address:0:0:0:0:0:0:0:1')), undefined);
  assert.match(check('localhost', certificate('DNS:localhost'))?.message ?? '', 'does not match');
  assert.is(check('n.example.org', certificate('DNS:n.example.org')), undefined);
  assert.ok(check('n.example.org', certificate('IP Address:10.0.0.1')));
  assert.is(identityCheck(['localhost:4222'])('localhost', certificate('DNS:localhost')), undefined);
});

test('what TLS fails with is told from what passes', () => {
  const fault = (code: string, message = '') => Object.assign(new Error(message), { code });
  const outer = new Error('connecting', { cause: fault('DEPTH_ZERO_SELF_SIGNED_CERT') });
  assert.match(tlsFault(outer, 'a:1')?.message ?? '', 'NATS_CA');
  assert.match(tlsFault(fault('CERT_HAS_EXPIRED'), 'a:1')?.message ?? '', 'not valid at this time');
  assert.match(tlsFault(fault('ERR_SSL_WRONG_VERSION_NUMBER', 'odd'), 'a:1')?.message ?? '', 'TLS failed: odd');
  assert.is(tlsFault(fault('ECONNRESET'), 'a:1'), undefined);
  assert.is(tlsFault(fault('ECONNREFUSED'), 'a:1'), undefined);
});

test.run();
