import type { Actor } from '../actor.ts';
import type { Command } from '../command.ts';
import type { BodyOutcome, Child, Fence, NotedEnd, Parent, TaskError, TaskId, TaskSpec } from '../task.ts';
import type { Now, Step } from './given.ts';

/** Builders of what tests speak about: fixed ids and times, and only what matters said at the call. For tests only. */

/** When stories begin, milliseconds. */
export const T0 = 1_700_000_000_000;
export const EPOCH = 1_600_000_000_000;

export const ALICE: Actor = { user: 'alice', admin: false };
export const BOB: Actor = { user: 'bob', admin: false };
export const CAROL: Actor = { user: 'carol', admin: false };
export const ROOT: Actor = { user: 'root', admin: true };
export const SERVICE: Actor = { admin: false };

export const bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(values);

type SpecChange = Partial<TaskSpec>;

export const spec = (change: SpecChange = {}): TaskSpec => ({
  id: 'task-1',
  type: 'report',
  key: 'k',
  name: 'k',
  scope: 'private',
  creator: 'alice',
  queue: 'default',
  priority: 'normal',
  mode: 'async',
  policy: {},
  ...change,
});

type Of<K extends Command['kind']> = Extract<Command, { kind: K }>;

/** By its creator, or without a user where there is none. */
export const submit = (change: SpecChange = {}, more: Partial<Of<'submit'>> = {}): Of<'submit'> => {
  const made = spec(change);
  const actor: Actor = {
    ...(made.creator === undefined ? {} : { user: made.creator }),
    admin: made.scope === 'system',
  };
  return { kind: 'submit', at: T0, actor, spec: made, whenAborting: 'queue', ...more };
};

export const cancel = (actor: Actor = ALICE, more: Partial<Of<'cancel'>> = {}): Of<'cancel'> => ({
  kind: 'cancel',
  at: T0 + 500,
  actor,
  id: 'task-1',
  force: false,
  ...more,
});

export const signal = (more: Partial<Of<'signal'>> = {}): Of<'signal'> => ({
  kind: 'signal',
  at: T0 + 700,
  actor: ALICE,
  id: 'task-1',
  signal: 's-1',
  name: 'approved',
  ...more,
});

/** Decided on what is stored now, by a dispatch of it. */
export const claim =
  (worker = 'w1', more: Partial<Of<'claim'>> = {}): Step =>
  ({ record, revision }) => ({
    kind: 'claim',
    at: T0 + 100,
    id: record?.id ?? 'task-1',
    worker,
    epoch: EPOCH,
    revision,
    offered: revision,
    ...more,
  });

export const fenceOf = ({ record }: Now): Fence => record?.owner?.fence ?? { epoch: 0, revision: 0 };

export const makeAbortable: Step = (now) => ({ kind: 'make-abortable', at: T0 + 150, fence: fenceOf(now) });
export const markFinishingWith =
  (body: BodyOutcome): Step =>
  (now) => ({ kind: 'mark-finishing', at: T0 + 300, fence: fenceOf(now), body });
export const markFinishing: Step = (now) => ({ kind: 'mark-finishing', at: T0 + 300, fence: fenceOf(now) });

export const progress =
  (more: Partial<Of<'progress'>> = {}): Step =>
  (now) => ({ kind: 'progress', at: T0 + 200, fence: fenceOf(now), ...more });

export const observeAbort: Step = (now) => ({
  kind: 'observe-abort',
  at: T0 + 530,
  fence: fenceOf(now),
  deliveredAt: T0 + 510,
  observedAt: T0 + 520,
});

export const error = (message: string, type = 'Error'): TaskError => ({
  message,
  type,
  stack: `${type}: ${message}\n at`,
});

export const returned: BodyOutcome = { kind: 'returned' };
export const threw = (message = 'boom', more: object = {}): BodyOutcome => ({
  kind: 'threw',
  error: error(message),
  ...more,
});

export const finish =
  (body: BodyOutcome = returned, more: Partial<Of<'finish'>> = {}): Step =>
  (now) => ({
    kind: 'finish',
    at: T0 + 1_000,
    fence: fenceOf(now),
    body,
    handlerErrors: [],
    abortHandled: true,
    random: 0,
    ...more,
  });

export const keepStep =
  (name = 'charge', more: Partial<Of<'keep-step'>> = {}): Step =>
  (now) => ({ kind: 'keep-step', at: T0 + 350, fence: fenceOf(now), name, ...more });

export const setCancelHandle =
  (data: Uint8Array | undefined = bytes(1)): Step =>
  (now) => ({ kind: 'set-cancel-handle', at: T0 + 250, fence: fenceOf(now), ...(data === undefined ? {} : { data }) });

export const endCancelling =
  (more: Partial<Of<'end-cancelling'>> = {}): Step =>
  (now) => ({ kind: 'end-cancelling', at: T0 + 9_000, fence: fenceOf(now), ...more });

export const suspend =
  (more: Partial<Of<'suspend'>> = {}): Step =>
  (now) => ({
    ...{ kind: 'suspend', at: T0 + 300, fence: fenceOf(now), name: 'approved', number: 1 },
    ...{ timeoutMs: 60_000, isOver: false, ...more },
  });

/** Of `task-1`, whose record stands there. */
export const CHILD_OF: Parent = { id: 'parent-1', address: '00.report.parent' };

export const spawn = (change: SpecChange = {}, more: Partial<Of<'spawn'>> = {}): Of<'spawn'> => ({
  kind: 'spawn',
  at: T0,
  spec: { ...spec({ key: 'parent-1/k', awaited: true, ...change }), parent: change.parent ?? CHILD_OF },
  subscribers: [{ user: 'alice', at: T0 }],
  ...more,
});

export const child = (number: number, more: Partial<Child> = {}): Child => ({
  ...{ id: `child-${number}`, address: `00.report.c${number}`, name: `c${number}` },
  ...more,
});

export const adopt =
  (...children: readonly Child[]): Step =>
  (now) => ({ kind: 'adopt', at: T0 + 250, fence: fenceOf(now), children });

export const awaitChildren =
  (more: Partial<Of<'await-children'>> = {}): Step =>
  (now) => ({
    ...{ kind: 'await-children', at: T0 + 300, fence: fenceOf(now), children: ['child-1', 'child-2'], number: 1 },
    ...{ timeoutMs: 60_000, isOver: false, ...more },
  });

/** Each has ended so. */
export const noteChildren = (
  ends: Readonly<Record<string, NotedEnd['status']>>,
  more: Partial<Of<'note-children'>> = {},
): Of<'note-children'> => ({
  ...{ kind: 'note-children', at: T0 + 700, id: 'task-1', shares: [] },
  ends: Object.entries(ends).map(([id, status], i) => ({ id, end: { status, at: T0 + 600 + i } })),
  ...more,
});

export const parentEnded = (how: Of<'parent-ended'>['how']): Of<'parent-ended'> => ({
  ...{ kind: 'parent-ended', at: T0 + 700, id: 'task-1', parent: 'parent-1', how },
});

export const endAbnormally: Step = (now) => ({
  ...{ kind: 'give-back', at: T0 + 400, fence: fenceOf(now), why: 'a stray error', abnormal: true },
});
export const giveBack: Step = (now) => ({ kind: 'give-back', at: T0 + 400, fence: fenceOf(now), why: 'drain' });

export const timeOut: Step = (now) => ({ kind: 'time-out', at: T0 + 600, by: 'supervisor:s1', fence: fenceOf(now) });

export const markNotStopping: Step = (now) => ({
  kind: 'mark-not-stopping',
  at: T0 + 60_600,
  by: 'supervisor:s1',
  fence: fenceOf(now),
});

export const rescue = (worker = 'w1', more: Partial<Of<'rescue'>> = {}): Of<'rescue'> => ({
  kind: 'rescue',
  at: T0 + 8_000,
  by: 'supervisor:s1',
  id: 'task-1',
  worker,
  ...more,
});

export const promote = (id: TaskId = 'task-1'): Of<'promote'> => ({
  kind: 'promote',
  at: T0 + 2_000,
  by: 'supervisor:s1',
  id,
});
export const archive = (id: TaskId = 'task-1'): Of<'archive'> => ({ kind: 'archive', at: T0 + 3_000, id });
