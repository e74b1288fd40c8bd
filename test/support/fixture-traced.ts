// Tasks of a worker whose process exports its spans into a file, a line each: this file is bundled by itself.
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { getContext, task } from '@baton/sdk';
import { lineOf, startTracing } from './span-lines.ts';

const path = process.env['BATON_TEST_SPANS'];
if (path !== undefined) startTracing((span) => appendFileSync(path, `${JSON.stringify(lineOf(span))}\n`));

const tracer = trace.getTracer('the tasks');

const work = (name: string): void => tracer.startSpan(name).end();

/** Fails at first; its body makes a span of its own and submits another task. */
export const flaky = task(
  { name: 'traced.flaky', retry: { maxAttempts: 2, backoff: { initial: '10ms' } } },
  async (next: boolean) => {
    const { attempt, onCleanup } = getContext();
    onCleanup(() => work('cleaning'));
    await pause(1);
    work('working');
    if (attempt === 1) throw new RangeError('not at first');
    if (next) await inThread.with({ taskKey: getContext().taskId }).schedule();
    return attempt;
  },
);

export const inThread = task(
  { name: 'traced.thread', scope: 'shared', isolation: 'thread', module: import.meta.url },
  async () => {
    await pause(1);
    work('in a thread');
  },
);

/** Runs until its process is killed, at first. */
export const mortal = task({ name: 'traced.mortal' }, async () => {
  const { attempt } = getContext();
  if (attempt === 1) await pause(600_000);
  return attempt;
});
