// limit: 120s
// What a running system says, message by message, against the schemas that are published for others.
import { setTimeout as pause } from 'node:timers/promises';
import { decode, type SchemaPart } from '@baton/protocols';
import { getContext, task, type TaskHandle } from '@baton/sdk';
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { ALICE, ask, namesFor } from '../support/command-client.ts';
import { CHANNELS } from '../support/contract/channels.ts';
import { openFits, picture, schemaFile, strictFits } from '../support/contract/schemas.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import { natsWork, only, WorkClient } from '../support/work-client.ts';

const test = stagedSuite('contract', { workers: 1 });

type Heard = { readonly channel: string; readonly schema: string; readonly message: unknown };

const PATTERNS = Object.entries(CHANNELS).map(([channel, { address, messages }]) => {
  const parts = address.split('.').map((part) => (part.startsWith('{') ? '[^.]+' : part.replaceAll(/[$]/g, '\\$&')));
  return { channel, pattern: new RegExp(`^${parts.join('\\.')}$`), messages: Object.values(messages) };
});

/** Under the names of the namespace that the document is about. */
const plainSubject = ({ namespace }: Stage, subject: string): string =>
  subject.replace(`.${namespace}_`, '.BATON_').replace(new RegExp(`^${namespace.toLowerCase()}\\.`), 'baton.');

const LIMIT = 2 ** 20;

/** Listens to all that goes by, and keeps what has a schema. */
const listen = async (stage: Stage): Promise<Heard[]> => {
  const heard: Heard[] = [];
  const { nc } = stage.ports.wire;
  const { allRecords, allNodes, allDefinitions, allSchedules, allQueues } = namesFor(stage);
  const buckets = [allRecords, allNodes, allDefinitions, allSchedules, allQueues];
  for (const subject of [`${stage.namespace.toLowerCase()}.>`, ...buckets]) {
    nc.subscribe(subject, {
      callback: (_error, msg) => {
        const plain = plainSubject(stage, msg.subject);
        const found = PATTERNS.find(({ pattern }) => pattern.test(plain));
        const [first] = found?.messages ?? [];
        if (found === undefined || first?.schema === undefined || msg.data.length === 0) return;
        const isJson = msg.headers?.get('Content-Type') === 'application/json';
        const body = isJson
          ? (JSON.parse(new TextDecoder().decode(msg.data)) as unknown)
          : picture(decode(msg.data, LIMIT));
        const { channel } = found;
        if (typeof first.headers !== 'string') return void heard.push({ channel, schema: first.schema, message: body });
        const headers = Object.fromEntries((msg.headers?.keys() ?? []).map((key) => [key, msg.headers?.get(key)]));
        const [schema = ''] = first.headers.split('.');
        heard.push({ channel, schema, message: { headers, payload: body } });
      },
    });
  }
  await nc.flush();
  return heard;
};

const quick = task({ name: 'contract.quick', title: 'Quick', argsSchema: { type: 'array' } }, async (value: number) => {
  getContext().updateTask({ progress: [1, 2], payload: { value } }, { immediate: true });
  return value;
});
const failing = task(
  { name: 'contract.failing', retry: { maxAttempts: 2, backoff: { initial: '10ms' } } },
  async () => {
    throw new RangeError('no');
  },
);
const waiting = task({ name: 'contract.waiting' }, async () => {
  const { signal, onCleanup } = getContext();
  onCleanup(() => undefined);
  await pause(60_000, undefined, { signal });
});
const late = task({ name: 'contract.late', timeout: '50ms' }, async () => {
  await pause(60_000, undefined, { signal: getContext().signal });
});

const running = (handle: TaskHandle) =>
  eventually(async () => {
    const { record } = await handle.refresh();
    if (record.status !== 'in_progress' || record.abortable !== true) throw new Error(record.status);
  });

test(
  'F1 every message of a running system fits its schema, and has nothing in it that the schema does not name',
  async (stage, context) => {
    const heard = await listen(stage);
    const said = (schema: string, message: unknown) => void heard.push({ channel: schema, schema, message });
    await stage.serve(context, [quick, failing, waiting, late]);
    const { baton } = stage;

    // Every state, by the SDK.
    const ends = [
      await baton.schedule(quick, [1], { taskKey: 'k', taskName: 'n', delay: '100ms', operationId: 'o' }),
      await baton.schedule(failing),
      await baton.schedule(late),
    ];
    const stopped = await baton.schedule(waiting, [], { taskKey: 'one' });
    await running(stopped);
    await stopped.cancel();
    for (const handle of [...ends, stopped]) await handle.wait({ timeout: '60s' });

    // Schedules, and what is set for queues.
    const { schedules } = stage.as('alice');
    const nightly = { cron: '0 3 * * *', every: '1h', skipDates: ['2030-12-24'], task: quick, args: [3] } as const;
    await schedules.set('contract.nightly', nightly);
    await schedules.trigger('contract.nightly');
    await schedules.pause('contract.nightly', 'w');
    await eventually(async () => assert.is((await schedules.get('contract.nightly')).started, 1));
    await schedules.remove('contract.nightly');
    const { queues } = stage.admin;
    await queues.pause('contract.queue', { group: 'g', why: 'w' });
    await queues.limit('contract.queue', { of: 'type', name: 't', concurrency: 3, rate: { units: 5, window: '1m' } });
    await queues.weigh('contract.queue', 'g', 2);

    // Commands, of the SDK and by hand.
    const publisher = await stage.client(context, { role: 'publisher', user: { id: 'alice' } });
    const options = { taskKey: 'p', queue: 'nobody', maxRescues: 1, abortGrace: '5s', priority: 'low' } as const;
    const sent = await publisher.schedule(quick, [new Date(0), new Uint8Array(2)], options);
    await sent.cancel();
    const subject = namesFor(stage).submitSubject('contract.quick');
    for (const format of ['json', 'msgpack'] as const) {
      const created = await ask(stage, subject, { args: [2], user: ALICE }, { format });
      assert.ok(created.ok, created.message);
      said('answer', created);
    }
    const nobody = namesFor(stage).submitSubject('contract.nobody');
    said('answer', await ask(stage, nobody, { strict: true, user: ALICE }));
    const cancel = namesFor(stage).cancelSubject;
    said('answer', await ask(stage, cancel, { id: ends[0]?.uuid, address: ends[0]?.address, user: ALICE }));

    // The worker protocol.
    const work = new WorkClient(natsWork(stage.ports.wire.nc, namesFor(stage)));
    const far = await baton.schedule('contract.far', [7], { trace: { traceparent: TRACEPARENT, tracestate: 'a=1' } });
    const definitions = [{ type: 'contract.far', timeout: 60, max_attempts: 2, backoff: { initial: 1 } }];
    const claimed = await work.claim({ types: ['contract.far'], wait: 10, definitions, host: 'h', pid: 1 });
    said('work-claim-answer', claimed);
    const run = only(claimed);
    const beat = await work.beat([{ ...run, abortable: true, progress: [1, 2], payload: { page: 1 } }]);
    said('work-beat-answer', beat);
    said('work-finish-answer', await work.finish(run, { outcome: 'stopped' }));
    await eventually(async () => {
      await far.cancel();
    });
    const told = await eventually(async () => {
      const answer = await work.beat([{ ...run, abortable: true, observed: true }]);
      assert.is(answer.abort?.length, 1);
      return answer;
    });
    said('work-beat-answer', told);
    said('work-finish-answer', await work.finish(run, { outcome: 'stopped' }));
    said('work-finish-answer', await work.finish({ ...run, address: 'nonsense' }, { outcome: 'success' }));
    said('work-beat-answer', await work.beat([], { state: 'gone' }));

    await stage.document(far.uuid, ({ terminal }) => terminal);
    await eventually(() => {
      const missing = WANTED.filter((channel) => !heard.some((one) => one.channel === channel));
      assert.equal(missing, [], 'these were never heard');
    });
    const states = new Set(heard.filter(({ channel }) => channel === 'record').map(({ message }) => statusOf(message)));
    assert.is(states.size, 7, [...states].join(' '));

    const [strict, open] = [strictFits(), openFits()];
    for (const { channel, schema, message } of heard) {
      const where = `a message of '${channel}' does not fit ${schemaFile(schema)}`;
      assert.is(
        strict(schema, message).fault,
        undefined,
        `${where}: ${strict(schema, message).fault}\n${JSON.stringify(message)}`,
      );
      for (const field of requiredOf(schema)) {
        const { [field]: _taken, ...rest } = message as Readonly<Record<string, unknown>>;
        assert.ok(open(schema, rest).fault !== undefined, `${schema} without '${field}' is refused`);
      }
      if (schema === 'record') assert.is(open('record-by-state', message).fault, undefined, JSON.stringify(message));
    }
  },
  { limitMs: 90_000 },
);

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const statusOf = (message: unknown): unknown => (message as { readonly status?: unknown }).status;

const requiredOf = (schema: string): readonly string[] =>
  ((JSON.parse(readFileSync(schemaFile(schema), 'utf8')) as SchemaPart)['required'] as readonly string[] | undefined) ??
  [];

/** All that have a schema, but for those that take a race or a name of their own. */
const WANTED = [
  ...['record', 'events', 'live', 'progress', 'submit', 'cancel', 'presence', 'definition', 'defined', 'announce'],
  ...['schedule', 'scheduled', 'queueSettings', 'queueSet'],
  ...['workClaim', 'workBeat', 'workFinish'],
];

test.run();
