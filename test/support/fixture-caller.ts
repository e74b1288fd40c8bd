// A process that schedules tasks for others: told by its parent what and when, it tells what came of it.
import { connect, task, type CallOptions } from '@baton/sdk';
import { joined } from './fixture-tasks.ts';

export type CallerOrder = {
  readonly key: string;
  /** One call each, all at once but for `delaysMs`. */
  readonly users: readonly string[];
  readonly delaysMs?: readonly number[];
  /** How long the body of a task that is made takes. */
  readonly bodyMs: number;
  /** Of a type that nobody serves: the task is there as long as nobody cancels it. */
  readonly isUnserved?: boolean;
  /** How a call comes to a task that is there. */
  readonly how?: Pick<CallOptions, 'mode' | 'window' | 'maxWait'>;
};

export type CallerAnswer = {
  readonly user: string;
  readonly outcome: string;
  readonly id: string;
  readonly error?: string;
  /** How long the call took. */
  readonly ms: number;
};

export type CallerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answers'; readonly answers: readonly CallerAnswer[] };

/** Not among the fixture's tasks: no worker has it. */
const unserved = task({ name: 'fx.unserved', scope: 'shared' }, (_ms: number) => 0);

const baton = await connect({ user: { id: 'caller' } });

const call = async (order: CallerOrder, user: string, delayMs: number): Promise<CallerAnswer> => {
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  const began = performance.now();
  try {
    const type = (order.isUnserved ? unserved : joined).with({ taskKey: order.key, ...order.how });
    const { outcome = 'none', uuid } = await baton.as({ id: user }).within(() => type.schedule(order.bodyMs));
    return { user, outcome, id: uuid, ms: performance.now() - began };
  } catch (error) {
    return {
      user,
      outcome: 'failed',
      id: '',
      ms: performance.now() - began,
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }
};

process.on('message', (order: CallerOrder) => {
  const calls = order.users.map((user, i) => call(order, user, order.delaysMs?.[i] ?? 0));
  void Promise.all(calls).then((answers) => process.send?.({ kind: 'answers', answers } satisfies CallerMessage));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ kind: 'ready' } satisfies CallerMessage);
