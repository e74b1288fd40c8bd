// limit: 300s
// S1-S4, A1-A10: every route of the gateway, for every kind of caller, on every kind of task, against tables written by hand.
import * as assert from 'uvu/assert';
import { ADMIN, openGatewaySystem } from '../support/gateway-fixture.ts';
import {
  ABSENT,
  ACTORS,
  asOf,
  KINDS,
  make,
  path,
  SEEN_BY,
  type ActorName,
  type Kind,
} from '../support/gateway-kinds.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: who may do what');

const CANCEL: Readonly<
  Record<Kind, readonly [alice: string, carol: string, bob: string, root: string, forced: string]>
> = {
  private: ['aborted', '404', '404', 'aborted', 'aborted'],
  shared: ['unsubscribed', 'unsubscribed', '404', 'FORCE_REQUIRED', 'aborted'],
  'shared, alice alone': ['aborted', '404', '404', 'aborted', 'aborted'],
  system: ['404', '404', '404', 'aborted', 'aborted'],
  'private, ended': ['TASK_ABORT_FAILED', '404', '404', 'TASK_ABORT_FAILED', 'TASK_ABORT_FAILED'],
  'shared, ended': ['TASK_ABORT_FAILED', 'TASK_ABORT_FAILED', '404', 'TASK_ABORT_FAILED', 'TASK_ABORT_FAILED'],
  'private, running, not abortable': ['TASK_NOT_ABORTABLE', '404', '404', 'TASK_NOT_ABORTABLE', 'TASK_NOT_ABORTABLE'],
  'shared, running, not abortable': ['unsubscribed', 'unsubscribed', '404', 'FORCE_REQUIRED', 'TASK_NOT_ABORTABLE'],
  'shared, running, abortable': ['unsubscribed', 'unsubscribed', '404', 'FORCE_REQUIRED', 'aborted'],
  'private, aborting': ['aborted', '404', '404', 'aborted', 'aborted'],
  absent: ['404', '404', '404', '404', '404'],
  malformed: ['404', '404', '404', '404', '404'],
};

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  aborted: 200,
  unsubscribed: 200,
  FORCE_REQUIRED: 403,
  TASK_ABORT_FAILED: 422,
  TASK_NOT_ABORTABLE: 422,
  '404': 404,
};

const READS = ['', '/status', '/history', '/args', '/result', '/why', '/events'] as const;

test(
  'S4 A10 every read of one task: 401, 200 or the one 404',
  async (context) => {
    const system = await openGatewaySystem(context);
    for (const kind of KINDS) {
      const id = await make(system, kind);
      for (const rest of READS) {
        for (const actor of ACTORS) {
          const expected = actor === 'anonymous' ? 401 : SEEN_BY[kind].includes(actor) ? 200 : 404;
          const cell = `${rest || '/'} of ${kind} by ${actor}`;
          // A stream that was opened does not end by itself.
          if (rest === '/events' && expected === 200) continue;
          const answer = await system.call('GET', path(id, rest), asOf(actor));
          assert.is(answer.status, expected, `${cell}: ${answer.text.slice(0, 200)}`);
          if (expected === 200) continue;
          const absent = await system.call('GET', path(ABSENT, rest), asOf(actor));
          assert.is(answer.text, absent.text, `${cell} is told apart from an absent one`);
          assert.not.match(answer.text, /secret|w-secret-host|access\.job/, cell);
        }
      }
    }
  },
  { limitMs: 120_000 },
);

test(
  'A1-A10 every cancel, with and without force, by everybody',
  async (context) => {
    const system = await openGatewaySystem(context);
    for (const kind of KINDS) {
      const [alice, carol, bob, root, forced] = CANCEL[kind];
      const cells: readonly (readonly [ActorName, boolean, string])[] = [
        ['alice', false, alice],
        ['carol', false, carol],
        ['bob', false, bob],
        [ADMIN, false, root],
        [ADMIN, true, forced],
      ];
      for (const [actor, force, expected] of cells) {
        const id = await make(system, kind);
        const answer = await system.call('POST', path(id, '/cancel'), { as: actor, body: { force } });
        const cell = `cancel of ${kind} by ${actor}${force ? ' with force' : ''}: ${answer.text.slice(0, 300)}`;
        assert.is(answer.status, STATUS_OF_CODE[expected], cell);
        const said = answer.status === 200 ? answer.at('action') : answer.at('code');
        assert.is(said, expected === '404' ? 'TASK_NOT_FOUND' : expected, cell);
      }
      // Force is an admin's: whoever sees the task is told so, others learn nothing.
      for (const actor of ['alice', 'carol', 'bob'] as const) {
        const id = await make(system, kind);
        const answer = await system.call('POST', path(id, '/cancel'), { as: actor, body: { force: true } });
        assert.is(answer.status, SEEN_BY[kind].includes(actor) ? 403 : 404, `forced cancel of ${kind} by ${actor}`);
      }
      const before = await make(system, kind);
      assert.is((await system.call('POST', path(before, '/cancel'), { body: {} })).status, 401);
    }
  },
  { limitMs: 120_000 },
);

test(
  'S4 G5 every signal, by everybody: who sees the task may send it, to others it is not there',
  async (context) => {
    const system = await openGatewaySystem(context);
    for (const kind of KINDS) {
      const id = await make(system, kind);
      for (const actor of ACTORS) {
        const answer = await system.call('POST', path(id, '/signal'), { ...asOf(actor), body: { name: 'go' } });
        const cell = `signal to ${kind} by ${actor}: ${answer.text.slice(0, 300)}`;
        if (actor === 'anonymous') assert.is(answer.status, 401, cell);
        else if (SEEN_BY[kind].includes(actor))
          assert.ok(answer.status === 200 || answer.at('code') === 'TASK_ENDED', cell);
        else assert.equal([answer.status, answer.at('code')], [404, 'TASK_NOT_FOUND'], cell);
      }
    }
  },
  { limitMs: 120_000 },
);

test(
  'A3 A5 A6 what is shown as possible is what happens',
  async (context) => {
    const system = await openGatewaySystem(context);
    for (const kind of KINDS) {
      for (const actor of ['alice', 'carol', ADMIN] as const) {
        if (!SEEN_BY[kind].includes(actor)) continue;
        const id = await make(system, kind);
        const shown = await system.call('GET', path(id), { as: actor });
        const told = await system.call('POST', path(id, '/cancel'), { as: actor, body: {} });
        const cell = `${kind} for ${actor}: ${shown.text.slice(0, 2_000)} ${told.text.slice(0, 200)}`;
        const isRepeat = shown.at('result', 'status') === 'aborting';
        assert.is(shown.at('result', 'may_cancel'), told.status === 200 && !isRepeat, cell);
        if (told.status !== 200 || isRepeat) continue;
        const action = shown.at('result', 'cancel_action') === 'unsubscribe' ? 'unsubscribed' : 'aborted';
        assert.is(told.at('action'), action, cell);
      }
    }
  },
  { limitMs: 60_000 },
);

test(
  'R7 every retry by everybody: those who see the ended one, and nobody else',
  async (context) => {
    const system = await openGatewaySystem(context);
    for (const kind of KINDS) {
      for (const actor of ACTORS) {
        const id = await make(system, kind);
        const answer = await system.call('POST', path(id, '/retry'), asOf(actor));
        const seen = SEEN_BY[kind].includes(actor);
        const expected = actor === 'anonymous' ? 401 : !seen ? 404 : kind.includes('ended') ? 201 : 422;
        assert.is(answer.status, expected, `retry of ${kind} by ${actor}: ${answer.text.slice(0, 300)}`);
        if (expected === 201) assert.is(answer.at('task', 'retried_from'), id);
        if (expected === 422) assert.is(answer.at('code'), 'TASK_NOT_TERMINAL');
      }
    }
  },
  { limitMs: 60_000 },
);

/** Those that wait in a line. */
const WAITING: readonly Kind[] = ['private', 'shared', 'shared, alice alone', 'system'];

test(
  "S4 B1 every change of a priority by everybody: of what waits, by whoever it is the only one's, and by admins",
  async (context) => {
    const system = await openGatewaySystem(context);
    for (const kind of KINDS) {
      for (const actor of ACTORS) {
        const id = await make(system, kind);
        const answer = await system.call('POST', path(id, '/priority'), { ...asOf(actor), body: { priority: 'low' } });
        const cell = `priority of ${kind} by ${actor}: ${answer.text.slice(0, 300)}`;
        const expected = (): number => {
          if (actor === 'anonymous') return 401;
          if (!SEEN_BY[kind].includes(actor)) return 404;
          if (!WAITING.includes(kind)) return 422;
          return kind === 'shared' && actor !== ADMIN ? 403 : 200;
        };
        assert.is(answer.status, expected(), cell);
        if (answer.status === 200) assert.is(answer.at('task', 'priority'), 'low', cell);
        if (answer.status === 422) assert.is(answer.at('code'), 'TASK_NOT_PENDING', cell);
      }
    }
  },
  { limitMs: 60_000 },
);

/** Routes that are not about one task: what each of them answers to whom. `null`: tested apart. */
const OPEN = [200, 200, 200] as const;
const ADMINS = [401, 403, 200] as const;
const USERS = [401, 200, 200] as const;
const ROUTES: Readonly<Record<string, readonly [anonymous: number, user: number, admin: number] | null>> = {
  'GET /healthz': OPEN,
  'GET /readyz': OPEN,
  'GET /metrics': ADMINS,
  'GET /': [404, 404, 404],
  'GET /api/v1/openapi.json': OPEN,
  'GET /api/v1/session': USERS,
  'GET /api/v1/overview': USERS,
  'GET /api/v1/types': USERS,
  'GET /api/v1/definitions': USERS,
  'GET /api/v1/workers': ADMINS,
  'GET /api/v1/schedules': USERS,
  'GET /api/v1/schedules/:name': null,
  'PUT /api/v1/schedules/:name': null,
  'DELETE /api/v1/schedules/:name': null,
  'POST /api/v1/schedules/:name/pause': null,
  'POST /api/v1/schedules/:name/resume': null,
  'POST /api/v1/schedules/:name/trigger': null,
  'POST /api/v1/schedules/:name/backfill': null,
  // By the secret of a worker, whoever else it is: test/integration/work-results.test.ts.
  'PUT /api/v1/work/result': null,
  'GET /api/v1/queues': ADMINS,
  'GET /api/v1/queue/:queue': null,
  'POST /api/v1/queue/:queue/pause': null,
  'POST /api/v1/queue/:queue/resume': null,
  'POST /api/v1/queue/:queue/limit': null,
  'POST /api/v1/queue/:queue/weight': null,
  'GET /api/v1/task/': USERS,
  'POST /api/v1/task/': [401, 400, 400],
  'GET /api/v1/task/events': null,
  'GET /api/v1/task/_info': USERS,
  'GET /api/v1/task/status_changes': USERS,
  'GET /api/v1/task/related/created_by': USERS,
  'GET /api/v1/task/related/subscribers': USERS,
  'GET /api/v1/task/distinct/task_type': USERS,
  'GET /api/v1/task/:uuid': null,
  'GET /api/v1/task/:uuid/status': null,
  'GET /api/v1/task/:uuid/history': null,
  'GET /api/v1/task/:uuid/args': null,
  'GET /api/v1/task/:uuid/result': null,
  'GET /api/v1/task/:uuid/why': null,
  'GET /api/v1/task/:uuid/events': null,
  'POST /api/v1/task/:uuid/cancel': null,
  'POST /api/v1/task/bulk': [401, 400, 400],
  'POST /api/v1/task/:uuid/priority': null,
  'POST /api/v1/task/:uuid/retry': null,
  'POST /api/v1/task/:uuid/signal': null,
};

test(
  'S4 every route has a row here, and answers by it',
  async (context) => {
    const system = await openGatewaySystem(context);
    const { routeTable } = system.gateway.server;
    const names = routeTable
      .filter(({ method }) => method !== 'HEAD')
      .map(({ method, url }) => `${method} ${url === '/api/v1/task' ? '/api/v1/task/' : url}`);
    assert.equal([...new Set(names)].toSorted(), Object.keys(ROUTES).toSorted(), 'routes and rows');
    const callers = [undefined, 'bob', ADMIN] as const;
    for (const [route, expected] of Object.entries(ROUTES)) {
      if (expected === null) continue;
      const [method, url] = route.split(' ') as ['GET' | 'POST', string];
      for (const [i, as] of callers.entries()) {
        const body = method === 'POST' ? { body: {} } : {};
        const answer = await system.call(method, url, { ...body, ...(as === undefined ? {} : { as }) });
        assert.is(answer.status, expected[i], `${route} by ${as ?? 'nobody'}: ${answer.text.slice(0, 200)}`);
      }
    }
    for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      for (const url of ['/api/v1/task/', '/api/v1/task/x', '/api/v1/workers', '/metrics']) {
        const { statusCode } = await system.gateway.server.inject({ method, url, headers: { host: 'localhost' } });
        assert.is(statusCode, method === 'HEAD' ? 401 : 405, `${method} ${url}`);
      }
    }
  },
  { limitMs: 60_000 },
);

test(
  'S4 lists, counts, values, figures and changes hold what the caller may see, and nothing follows from the rest',
  async (context) => {
    const system = await openGatewaySystem(context, { projector: true });
    const changesOf = (as: string, cursor = '') =>
      system.call('GET', `/api/v1/task/status_changes?cursor=${cursor}`, { as });
    const cursor = String((await changesOf('bob')).at('cursor'));
    const ids = new Map<Kind, string>();
    for (const kind of KINDS.slice(0, 10)) ids.set(kind, await make(system, kind));
    // Made by another client: asked for by id they are waited for, a list shows what has come.
    for (const id of ids.values()) assert.is((await system.call('GET', path(id), { as: ADMIN })).status, 200);
    const callers: readonly ActorName[] = ['alice', 'carol', 'bob', ADMIN];
    for (const actor of callers) {
      const mine = [...ids].filter(([kind]) => SEEN_BY[kind].includes(actor)).map(([, id]) => id);
      const list = await system.call('GET', '/api/v1/task/?page_size=100', { as: actor });
      assert.equal((list.at('ids') as string[]).toSorted(), mine.toSorted(), `list of ${actor}`);
      assert.is(list.at('count'), mine.length, `count of ${actor}`);
      for (const query of [
        'text=secret',
        'created_by=alice',
        'scope=private,shared,system',
        'name=secret',
        'type=access.job',
      ]) {
        const found = await system.call('GET', `/api/v1/task/?page_size=100&${query}`, { as: actor });
        const outside = (found.at('ids') as string[]).filter((id) => !mine.includes(id));
        assert.equal(outside, [], `${query} of ${actor}`);
        assert.ok(Number(found.at('count')) <= mine.length, `count of ${query} of ${actor}`);
      }
      const changes = await changesOf(actor, cursor);
      assert.equal(
        Object.keys((changes.at('statuses') as object | undefined) ?? {}).toSorted(),
        mine.toSorted(),
        `changes of ${actor}`,
      );
    }
    // Somebody who sees nothing gets what an empty installation gives.
    const seen = async (url: string): Promise<string> => (await system.call('GET', url, { as: 'bob' })).text;
    for (const url of ['related/created_by', 'related/subscribers', 'distinct/task_type']) {
      assert.is(await seen(`/api/v1/task/${url}`), '{"count":0,"result":[]}', url);
    }
    assert.is(await seen('/api/v1/types'), '{"result":[]}');
    assert.is(await seen('/api/v1/definitions'), '{"count":0,"result":[]}');
    const figures = JSON.parse(await seen('/api/v1/overview')) as {
      by_status: Record<string, number>;
      queues: unknown[];
    };
    assert.equal([Object.values(figures.by_status).every((n) => n === 0), figures.queues], [true, []]);
    const admin = await system.call('GET', '/api/v1/task/related/created_by', { as: ADMIN });
    assert.equal(admin.at('result'), [
      { value: 'alice', text: 'alice' },
      { value: ADMIN, text: ADMIN },
    ]);
  },
  { limitMs: 60_000 },
);

test(
  'D S3 a submit tells nothing of others: same key, another user, and no system task',
  async (context) => {
    const system = await openGatewaySystem(context);
    const submit = (as: string, body: object) =>
      system.call('POST', '/api/v1/task/', { as, body: { type: 'job', ...body } });
    const first = await submit('alice', { task_key: 'payroll-2026' });
    const second = await submit('bob', { task_key: 'payroll-2026' });
    assert.equal([first.status, second.status], [201, 201]);
    assert.is.not(first.at('task', 'id'), second.at('task', 'id'));
    assert.is((await submit('bob', { scope: 'system' })).status, 403);
    assert.is((await submit(ADMIN, { scope: 'system' })).status, 201);
    assert.is((await submit('bob', { scope: 'shared' })).status, 400);
  },
  { limitMs: 20_000 },
);

test('no more is shown than a user needs', async (context) => {
  const system = await openGatewaySystem(context);
  const id = await make(system, 'shared, running, abortable');
  const mine = await system.call('GET', path(id), { as: 'carol' });
  assert.not.match(mine.text, /w-secret-host/);
  assert.equal(
    [mine.at('result', 'worker'), mine.at('result', 'fence'), mine.at('result', 'address')],
    [null, null, null],
  );
  assert.match((await system.call('GET', path(id), { as: ADMIN })).text, /w-secret-host/);
});

test.run();
