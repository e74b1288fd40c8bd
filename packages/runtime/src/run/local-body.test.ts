import { setTimeout as pause } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { silentLog } from '../log.ts';
import type { Threw } from './body-end.ts';
import { getContext, type StopCause } from './context.ts';
import type { TaskFacts } from './facts.ts';
import { LocalBody } from './local-body.ts';
import { takeStrayError } from './stray-error.ts';

const test = suite('local body');

const facts: TaskFacts = {
  taskId: 'id',
  taskKey: 'key',
  taskType: 'type',
  attempt: 1,
  fence: { epoch: 1, revision: 2 },
  previous: {},
};

const bodyOf = (handler: () => unknown, stopAsked?: () => StopCause | undefined) => {
  const crashes: Threw[] = [];
  const asked: string[] = [];
  const body = new LocalBody({
    definition: { handler },
    facts,
    resultLimit: 1_000,
    owner: {
      log: () => silentLog,
      asked: (what) => void asked.push(what),
      updated: () => undefined,
      answer: async () => ({ kind: 'not-done' }),
      crashed: (end) => void crashes.push(end),
    },
    ...(stopAsked === undefined ? {} : { stopAsked }),
  });
  return { body, crashes, asked };
};

/** Calls listeners as the services do; undone at the end of the test. */
const listening = (defer: (undo: () => void) => void) => {
  const outside: unknown[] = [];
  const listener = (thrown: unknown): void => {
    if (!takeStrayError(thrown)) outside.push(thrown);
  };
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, listener);
    defer(() => void process.off(event, listener));
  }
  return outside;
};

const STRAYS: Readonly<Record<string, (error: Error) => void>> = {
  'a rejection': (error) => void Promise.reject(error),
  'an async function': (error) =>
    void (async () => {
      await pause(1);
      throw error;
    })(),
  'a promise of elsewhere': (error) => void elsewhere.then(() => Promise.reject(error)),
  'a timer': (error) =>
    void setTimeout(() => {
      throw error;
    }, 1),
  'a tick': (error) =>
    process.nextTick(() => {
      throw error;
    }),
  'an immediate': (error) =>
    void setImmediate(() => {
      throw error;
    }),
  'an abort listener': (error) => {
    const controller = new AbortController();
    controller.signal.addEventListener('abort', () => {
      throw error;
    });
    setTimeout(() => controller.abort(), 1);
  },
};

const elsewhere = pause(1);

for (const [name, raise] of Object.entries(STRAYS)) {
  test(`X9 what nobody catches goes to the body that raised it: ${name}`, async ({ defer }) => {
    const outside = listening(defer);
    const error = new Error(name);
    const guilty = bodyOf(async () => {
      raise(error);
      await pause(60);
      return 'returned';
    });
    const neighbour = bodyOf(() => pause(60));
    const [end] = await Promise.all([guilty.body.execute(undefined), neighbour.body.execute(undefined)]);
    assert.is(end.kind, 'returned', 'what becomes of it is for the run to say');
    assert.equal(
      guilty.crashes.map((crash) => crash.error.message),
      [name],
    );
    assert.equal([neighbour.crashes, outside], [[], []]);
  });
}

test('X9 what is thrown outside of every body is nobody’s', async ({ defer }) => {
  const outside = listening(defer);
  const { body, crashes } = bodyOf(() => pause(30));
  const running = body.execute(undefined);
  const error = new Error('outside');
  void Promise.reject(error);
  await running;
  assert.equal([crashes, outside], [[], [error]]);
});

test('T5 a loop without a turn of the event loop sees that it is to stop', async () => {
  let asked: StopCause | undefined;
  const { body } = bodyOf(
    () => {
      const { signal } = getContext();
      for (let i = 0; !signal.aborted; i++) if (i === 1_000) asked = 'timeout';
      const { cause } = signal.reason as { cause: string };
      try {
        signal.throwIfAborted();
      } catch (thrown) {
        return [cause, thrown === signal.reason];
      }
      return 'not thrown';
    },
    () => asked,
  );
  const end = await body.execute(undefined);
  assert.is(end.kind, 'returned');
  const { body: again } = bodyOf(
    () => {
      const { updateTask, signal } = getContext();
      let heard = false;
      signal.addEventListener('abort', () => (heard = true));
      updateTask({ progress: 1 });
      return heard;
    },
    () => 'cancel',
  );
  assert.equal(await again.execute(undefined), {
    kind: 'returned',
    result: { kind: 'inline', bytes: Uint8Array.of(0xc3) },
  });
});

test('what a handler returns is waited for as `await` would, and what it throws at once is its error', async () => {
  const endOf = async (handler: () => unknown) => bodyOf(handler).body.execute(undefined);
  const kindsOf = async (handlers: readonly (() => unknown)[]) =>
    (await Promise.all(handlers.map(endOf))).map(({ kind }) => kind);
  const fails = () => {
    throw new Error('at once');
  };
  type Then = (resolve: (value: string) => void, reject: (error: Error) => void) => void;
  const thenable = (then: Then) => new Proxy({}, { get: (_, name) => (name === 'then' ? then : undefined) });
  const returned = [() => 1, () => undefined, async () => 1, () => thenable((resolve) => resolve(getContext().taskId))];
  assert.equal(
    await kindsOf(returned),
    returned.map(() => 'returned'),
  );
  const threw = [
    fails,
    async () => fails(),
    () => thenable((_, reject) => reject(new Error('late'))),
    () => new Proxy({}, { get: fails }),
  ];
  assert.equal(
    await kindsOf(threw),
    threw.map(() => 'threw'),
  );
});

test('giving up settles a body that never ends, and what it does later has no effect', async () => {
  const { body } = bodyOf(() => new Promise(() => {}));
  const running = body.execute(undefined);
  const end = { kind: 'threw', error: { message: 'given up', type: 'Error' } } as const;
  body.giveUp(end);
  assert.equal(await running, end);
});

test('an abort handler that is registered after the abort runs as well', async () => {
  const ran: string[] = [];
  let register: ((name: string) => void) | undefined;
  const { body, asked } = bodyOf(async () => {
    const { onAbort } = getContext();
    register = (name) => onAbort(() => ran.push(name));
    await pause(20);
  });
  const running = body.execute(undefined);
  await body.runAborts(() => ran.push('observed'));
  register?.('late');
  await running;
  assert.equal(await body.runAborts(() => undefined), []);
  assert.equal([ran, asked], [['observed', 'late'], ['abort']]);
});

test('one that is stopped while its arguments are fetched is not begun', async () => {
  let began = false;
  const { body } = bodyOf(() => (began = true));
  body.stop('cancel');
  const end = await body.execute(undefined);
  assert.equal([end.kind === 'threw' && end.error.type, began], ['AbortError', false]);
});

test.run();
