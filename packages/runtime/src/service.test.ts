import * as assert from 'uvu/assert';
import { eventually } from '../../../test/support/eventually.ts';
import { suite } from '../../../test/support/suite.ts';
import { ConfigError, NotConnectedError, type BatonError } from './errors.ts';
import { silentLog } from './log.ts';
import type { Link } from './ports/environment.ts';
import { exitCodes, startService, type ServiceOptions } from './service.ts';
import { readSettings } from './settings.ts';

const test = suite('service');

const options: ServiceOptions = { settings: readSettings({}), log: silentLog };

test('undoes what it started, the last first, once, and ends with 0', async () => {
  const undone: string[] = [];
  const service = startService(
    'x',
    async ({ onStop }) => {
      onStop('connection', () => void undone.push('connection'));
      onStop('actor', async () => void undone.push('actor'));
    },
    options,
  );
  const codes = await Promise.all([service.stop('test'), service.stop('again'), service.ended]);
  assert.equal(codes, [0, 0, 0]);
  assert.equal(undone, ['actor', 'connection']);
});

test('a start that fails undoes what was there and tells by its code why', async () => {
  const undone: string[] = [];
  const failing = (error: Error) =>
    startService(
      'x',
      async ({ onStop }) => {
        onStop('connection', () => void undone.push('connection'));
        throw error;
      },
      options,
    ).ended;
  assert.is(await failing(new NotConnectedError('no server')), exitCodes.serverLost);
  assert.is(await failing(new ConfigError(['X is wrong'])), exitCodes.misconfigured);
  assert.is(await failing(new TypeError('bug')), exitCodes.failed);
  assert.is(undone.length, 3);
});

test('a stop while it starts waits for the start, then undoes it', async () => {
  const undone: string[] = [];
  let goOn = (): void => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const service = startService(
    'x',
    async ({ onStop, stopping }) => {
      await gate;
      assert.ok(stopping.aborted);
      onStop('late', () => void undone.push('late'));
    },
    options,
  );
  const code = service.stop('test');
  goOn();
  assert.is(await code, 0);
  assert.equal(undone, ['late']);
});

test('one that cannot be stopped in time is left behind, the rest is undone, code 1', async () => {
  const undone: string[] = [];
  const service = startService(
    'x',
    async ({ onStop }) => {
      onStop('connection', () => void undone.push('connection'));
      onStop('hangs', () => new Promise(() => {}));
    },
    { ...options, stopLimitMs: 20 },
  );
  assert.is(await service.stop('test'), exitCodes.failed);
  assert.equal(undone, ['connection']);
});

test('a stop that throws does not keep the others from being undone', async () => {
  const undone: string[] = [];
  const service = startService(
    'x',
    async ({ onStop }) => {
      onStop('connection', () => void undone.push('connection'));
      onStop('throws', () => {
        throw new Error('cannot');
      });
    },
    options,
  );
  assert.is(await service.stop('test'), exitCodes.failed);
  assert.equal(undone, ['connection']);
});

test('a link that is over for good ends it; closing it ourselves does not', async () => {
  let closed: (cause: BatonError) => void = () => {};
  const subscription = { close: () => {} };
  const link: Link = {
    connected: true,
    onReconnect: () => subscription,
    onDisconnect: () => subscription,
    onClosed: (listener) => {
      closed = listener;
      return subscription;
    },
  };
  const cause = new NotConnectedError('authorization was taken away');
  const lost = startService('x', async ({ watch }) => watch(link), options);
  await eventually(() => assert.not.equal(closed.length, 0));
  closed(cause);
  assert.is(await lost.ended, exitCodes.serverLost);

  const closing = startService(
    'x',
    async ({ watch, onStop }) => {
      watch(link);
      onStop('connection', () => closed(cause));
    },
    options,
  );
  assert.is(await closing.stop('test'), exitCodes.stopped);
});

test('a failure from inside drains and ends with 1', async () => {
  const undone: string[] = [];
  const service = startService(
    'x',
    async ({ onStop, fail }) => {
      onStop('actor', () => void undone.push('actor'));
      fail(new Error('bug'));
    },
    options,
  );
  assert.is(await service.ended, exitCodes.failed);
  assert.equal(undone, ['actor']);
});

test('waits for a server that is not there yet, but not where waiting does not help, nor when it is to stop', async () => {
  let tries = 0;
  const late = startService(
    'x',
    async ({ unlessDisconnected }) => {
      const opened = await unlessDisconnected('NATS', async () => {
        if (++tries < 2) throw new NotConnectedError('not yet');
        return 'open';
      });
      assert.is(opened, 'open');
    },
    options,
  );
  await eventually(() => assert.is(tries, 2));
  assert.is(await late.stop('test'), exitCodes.stopped);

  const refused = startService(
    'x',
    ({ unlessDisconnected }) =>
      unlessDisconnected('NATS', () => {
        throw new ConfigError(['X is wrong']);
      }),
    options,
  );
  assert.is(await refused.ended, exitCodes.misconfigured);

  const never = startService(
    'x',
    ({ unlessDisconnected }) => unlessDisconnected('NATS', () => Promise.reject(new NotConnectedError('never'))),
    options,
  );
  assert.is(await never.stop('test'), exitCodes.stopped);
});

test('a start that only waited is broken off without a word; a fault that came then is told', async () => {
  const said: string[] = [];
  const warn = (...line: readonly unknown[]): void => void said.push(String(line.at(-1)));
  const log = { ...silentLog, warn };
  const waits = startService(
    'x',
    ({ unlessDisconnected }) => unlessDisconnected('NATS', () => Promise.reject(new NotConnectedError('never'))),
    { ...options, log },
  );
  await eventually(() => assert.equal(said, ['waiting for NATS']));
  await waits.stop('test');
  assert.equal(said, ['waiting for NATS']);

  const breaks = startService(
    'x',
    async ({ stopping }) => {
      await eventually(() => assert.ok(stopping.aborted));
      throw new TypeError('bug');
    },
    { ...options, log },
  );
  await breaks.stop('test');
  assert.equal(said.slice(1), ['the start was broken off']);
});

test.run();
