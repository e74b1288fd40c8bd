// limit: 180s
// Traces over processes: the client in this one, workers in others, each with an exporter of its own.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { context, trace } from '@opentelemetry/api';
import { encodeRecord } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { ask, namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { blocksIn } from '../support/readme-blocks.ts';
import { lineOf, startTracing, type SpanLine } from '../support/span-lines.ts';
import { stagedSuite, versionsOf, type Stage } from '../support/stage.ts';
import { mainOf } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';
import type { TestContext } from '../support/test-body.ts';

const TRACED_TASKS = fileURLToPath(new URL('./fixture-traced.mjs', import.meta.url));

const test = stagedSuite('traces', { workers: 0, projectors: 0, tasks: [TRACED_TASKS] });

const here: SpanLine[] = [];

const spansOf = (stage: Stage): readonly SpanLine[] => {
  const path = `${stage.effectsPath}.spans`;
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  return [...here, ...lines.map((line) => JSON.parse(line) as SpanLine)];
};

/** All spans of one trace, once `names` are among them. */
const traceWith = (stage: Stage, traceId: string, names: readonly string[]) =>
  eventually(() => {
    const spans = spansOf(stage).filter((span) => span.traceId === traceId);
    for (const name of names) one(spans, name);
    return spans;
  });

const all = (spans: readonly SpanLine[], name: string) => spans.filter((span) => span.name === name);

const one = (spans: readonly SpanLine[], name: string, at = 0): SpanLine => {
  const found = all(spans, name)[at];
  if (found === undefined) throw new Error(`no span '${name}' among ${spans.map((span) => span.name).join(', ')}`);
  return found;
};

const worker = async (stage: Stage, { defer }: Pick<TestContext, 'defer'>, traced = true): Promise<SystemProcess> => {
  const made = stage.service('worker', 'worker', traced ? { BATON_TEST_SPANS: `${stage.effectsPath}.spans` } : {});
  defer(() => made.destroy());
  await made.start();
  // Until its definitions are kept a submit by name has none of its retries.
  await eventually(async () => {
    if (!(await stage.baton.types()).some(({ definition }) => definition.type === 'traced.flaky'))
      throw new Error('the types are not known yet');
  });
  return made;
};

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('F2 without a provider no record says anything of a trace', async (stage, test) => {
  await worker(stage, test, false);
  const handle = await stage.baton.schedule('traced.flaky', [false]);
  await handle.wait({ timeout: '30s' });
  assert.is(handle.status, 'success');
  for (const record of await versionsOf(stage, handle)) {
    // Stacks have the folder this runs in, whatever its name is.
    const text = Buffer.from(encodeRecord(record)).toString('latin1').replaceAll(process.cwd(), '');
    assert.not.match(text, /trace(?!d)/i);
  }
});

test('F2 what a sender says of its trace goes along all the same; what is no trace context is dropped', async (stage, test) => {
  await worker(stage, test, false);
  const submit = async (headers: Readonly<Record<string, string>>) => {
    const body = { args: [false], user: { id: 'alice' } };
    const answer = await ask(stage, namesFor(stage).submitSubject('traced.flaky'), body, { headers });
    assert.ok(answer.ok, answer.message);
    const { id, address } = answer.task!;
    return (await stage.baton.open({ uuid: id, address })).wait({ timeout: '30s' });
  };
  const { record } = await submit({ Traceparent: PARENT, tracestate: 'vendor=1' });
  assert.is(record.traceparent, PARENT);
  assert.is(record.tracestate, 'vendor=1');
  assert.is(record.runTrace, undefined);
  for (const traceparent of ['nonsense', PARENT.replace('00-', 'ff-'), '']) {
    const dropped = (await submit({ traceparent, tracestate: 'vendor=1' })).record;
    assert.is(dropped.status, 'success');
    assert.is('traceparent' in dropped || 'tracestate' in dropped, false);
  }
  const said = await stage.baton.schedule('traced.flaky', [false], { trace: { traceparent: PARENT } });
  assert.is(said.record.traceparent, PARENT);
});

test('F2 one trace from the submit through every attempt to what a body submits, over processes and threads', async (stage, test) => {
  startTracing((span) => void here.push(lineOf(span)));
  await worker(stage, test);
  const request = trace.getTracer('the service').startSpan('request');
  const handle = await context.with(trace.setSpan(context.active(), request), async () => {
    const submitted = await stage.baton.schedule('traced.flaky', [true]);
    return submitted.wait({ timeout: '30s' });
  });
  request.end();
  assert.is(handle.result, 2, handle.error?.message);
  const { traceId, spanId } = request.spanContext();
  const names = ['wait traced.flaky', 'in a thread', 'submit traced.thread', 'run traced.thread'];
  const spans = await traceWith(stage, traceId, names);

  const submit = one(spans, 'submit traced.flaky');
  assert.is(submit.parent, spanId);
  assert.is(submit.kind, 'PRODUCER');
  assert.is(handle.record.traceparent, `00-${traceId}-${submit.spanId}-01`);
  assert.equal(
    ['messaging.system', 'messaging.operation.type', 'messaging.message.id', 'messaging.destination.name'].map(
      (name) => submit.attributes[name],
    ),
    ['baton', 'send', handle.uuid, 'default'],
  );

  const [first, second] = [one(spans, 'run traced.flaky'), one(spans, 'run traced.flaky', 1)];
  for (const run of [first, second]) {
    assert.is(run.parent, submit.spanId);
    assert.is(run.kind, 'CONSUMER');
    assert.not.equal(run.pid, process.pid);
  }
  assert.is(first.status, 'ERROR');
  assert.is(first.attributes['error.type'], 'RangeError');
  assert.is(first.attributes['baton.run.outcome'], 'retry');
  assert.equal(second.links, [first.spanId]);
  assert.is(second.attributes['baton.run.outcome'], 'success');
  assert.is(handle.record.runTrace, `00-${traceId}-${second.spanId}-01`);
  const runs = [first.spanId, second.spanId];
  for (const name of ['working', 'cleaning', 'finish']) {
    assert.equal(
      all(spans, name)
        .filter((span) => runs.includes(span.parent ?? ''))
        .map((span) => span.parent),
      runs,
      name,
    );
  }

  const wait = one(spans, 'wait traced.flaky');
  assert.is(wait.parent, spanId);
  assert.equal(wait.links, [submit.spanId, second.spanId]);

  const inner = one(spans, 'submit traced.thread');
  assert.is(inner.parent, second.spanId);
  const thread = one(spans, 'run traced.thread');
  assert.is(thread.parent, inner.spanId);
  assert.is(one(spans, 'in a thread').parent, thread.spanId);
});

test('F2 a publisher sends it with its command; who comes to a task that is there is linked to it, by every mode', async (stage, test) => {
  const publisher = await stage.client(test, { role: 'publisher', user: { id: 'alice' } });
  const options = { taskKey: 'one', scope: 'shared', queue: 'nobody' } as const;
  const admin = await stage.client(test, { role: 'publisher', user: { id: 'root', admin: true } });
  const handle = await admin.schedule('traced.nobody', [], options);
  const submit = here.findLast((span) => span.name === 'submit traced.nobody');
  assert.is(handle.record.traceparent, `00-${submit?.traceId}-${submit?.spanId}-01`);
  const joined = await publisher.schedule('traced.nobody', [], { taskKey: 'one', scope: 'shared', queue: 'nobody' });
  assert.is(joined.outcome, 'joined');
  const join = here.findLast((span) => span.name === 'submit traced.nobody');
  assert.equal(join?.links, [submit?.spanId]);
  assert.is(join?.attributes['baton.submit.outcome'], 'joined');
  await handle.cancel({ force: true });

  // Changed by a later submit, a task stays in the trace it was submitted in.
  for (const [mode, outcome, window] of [
    ['replace', 'replaced'],
    ['debounce', 'debounced', '1m'],
    ['throttle', 'throttled', '1m'],
  ] as const) {
    const windowed = { ...options, taskKey: mode, mode, ...(window === undefined ? {} : { window }) };
    const first = await admin.schedule('traced.nobody', [], windowed);
    const made = here.findLast((span) => span.name === 'submit traced.nobody');
    // What has ended in its window is come to as well.
    if (mode === 'throttle') await first.cancel({ force: true });
    const second = await admin.schedule('traced.nobody', [], windowed);
    assert.equal([second.outcome, second.record.traceparent], [outcome, `00-${made?.traceId}-${made?.spanId}-01`]);
    const span = here.findLast((one) => one.name === 'submit traced.nobody');
    assert.is(span?.attributes['baton.submit.outcome'], outcome);
    assert.equal(span?.links, [made?.spanId], mode);
    if (mode !== 'throttle') await first.cancel({ force: true });
  }
});

test(
  'F2 a rescued run is linked to the one of the dead worker, a retry of what has ended to the former one',
  async (stage, test) => {
    const doomed = await worker(stage, test);
    const handle = await stage.baton.schedule('traced.mortal');
    await eventually(async () => {
      if ((await handle.refresh()).status !== 'in_progress') throw new Error(handle.status);
    });
    const dead = handle.record.runTrace?.split('-')[2];
    await doomed.kill();
    await worker(stage, test);
    await handle.wait({ timeout: '60s' });
    assert.is(handle.result, 2);
    const traceId = handle.record.traceparent?.split('-')[1] ?? '';
    const spans = await traceWith(stage, traceId, ['run traced.mortal']);
    const run = one(spans, 'run traced.mortal');
    assert.equal(run.links, [dead]);
    const again = await handle.retry();
    const submit = here.findLast((span) => span.name === 'submit traced.mortal');
    assert.is(again.record.traceparent, `00-${submit?.traceId}-${submit?.spanId}-01`);
    assert.equal(submit?.links, [run.spanId]);
    await again.cancel({ force: false }).catch(() => undefined);
  },
  { limitMs: 60_000 },
);

test('F2 the page on traces turns them on', async (stage, test) => {
  const [block] = blocksIn(readFileSync('packages/sdk/TRACES.md', 'utf8'));
  assert.ok(block !== undefined);
  // Beside this file, where packages are found as in a service's own folder.
  const folder = join(dirname(TRACED_TASKS), 'traces-page');
  mkdirSync(folder, { recursive: true });
  const module = join(folder, 'tracing.mjs');
  writeFileSync(module, block.code);
  const args = ['--import', module, mainOf('worker')];
  const made = new SystemProcess({ name: 'worker', args, env: stage.env, readyWhen: '"msg":"started"' });
  test.defer(() => made.destroy());
  await made.start();
  const handle = await stage.baton.schedule('traced.flaky', [false]);
  await handle.wait({ timeout: '30s' });
  const traceId = handle.record.traceparent?.split('-')[1] ?? '';
  await made.stop();
  assert.match(made.output, `traceId: '${traceId}'`);
  assert.match(made.output, "name: 'run traced.flaky'");
});

test.run();
