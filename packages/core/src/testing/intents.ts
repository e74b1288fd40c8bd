import type { Actor } from '../actor.ts';
import type { Command, SubmitMode } from '../command.ts';
import type { Child, Dependency, Fence, Policy, Scope, TaskRecord } from '../task.ts';
import { T0 } from './make.ts';

/**
 * A command that makes sense or does not, described apart from the task it will meet. Fences and ids are chosen when it
 * is known what there is: the present one, one from the past, or one that never was. For tests only.
 */
export type Intent = {
  readonly kind: Command['kind'];
  readonly actor: Actor;
  readonly worker: string;
  readonly id: 'present' | 'next' | 'waiting' | 'other';
  readonly fence: 'present' | 'past' | 'wrong';
  readonly pick: number;
  readonly scope: Scope;
  readonly policy: Policy;
  readonly flag: boolean;
  readonly number: number;
  readonly whenAborting: 'queue' | 'join' | 'reject';
};

export type Surroundings = {
  readonly ids: { readonly present: string; readonly next: string; readonly waiting: string };
  readonly revision: number;
  readonly fence: Fence;
  readonly past: readonly Fence[];
  readonly at: number;
  /** What its waits have come to so far. */
  readonly answers: number;
};

const NO_FENCE: Fence = { epoch: 1, revision: 1 };

/** What a story has come to when its next command is made; `made`: tasks that were submitted so far. */
export const surroundingsOf = (
  record: TaskRecord | undefined,
  { made, ...rest }: Pick<Surroundings, 'revision' | 'past' | 'at'> & { readonly made: number },
): Surroundings => ({
  ids: {
    present: record?.id ?? 'task-0',
    next: `task-${made + 1}`,
    waiting: record?.successor?.spec.id ?? 'none',
  },
  fence: record?.owner?.fence ?? NO_FENCE,
  answers: record?.signals?.length ?? 0,
  ...rest,
});

const nameIn = ({ pick }: Intent): string => (pick % 5 === 0 ? 'paid' : 'approved');

/** Half of them have none. */
const modeOf = ({ pick }: Intent): { readonly mode?: SubmitMode } => {
  const kinds = ['join', 'reject', 'replace', 'coalesce', 'debounce', 'throttle'] as const;
  const kind = kinds[pick % 12] ?? 'join';
  switch (kind) {
    case 'join':
      return {};
    case 'debounce':
      return { mode: { kind, windowMs: 2 + (pick % 7), maxWaitMs: 9 } };
    case 'throttle':
      return { mode: { kind, windowMs: 1 + (pick % 20) } };
    case 'reject':
    case 'replace':
    case 'coalesce':
      return { mode: { kind } };
  }
};

export const commandOf = (intent: Intent, around: Surroundings): Command => {
  const { actor, worker, flag, number, policy, scope } = intent;
  const at = T0 + around.at;
  const id = intent.id === 'other' ? 'never-was' : around.ids[intent.id];
  const past = around.past[intent.pick % Math.max(1, around.past.length)] ?? NO_FENCE;
  const fence = { present: around.fence, past, wrong: { epoch: number, revision: intent.pick } }[intent.fence];
  const by = flag ? 'supervisor:s1' : `worker:${worker}`;
  const error = { message: `failure ${intent.pick}`, type: 'Error' };
  switch (intent.kind) {
    case 'submit': {
      const user = actor.user === undefined ? {} : { creator: actor.user };
      const options = { ...(flag ? { runAt: at + number } : {}), ...(intent.pick % 5 === 0 ? { host: worker } : {}) };
      // Mostly a new one: the same submit again is one story of many.
      const isNew = intent.id !== 'other' && intent.pick % 4 !== 0;
      const spec = {
        id: isNew ? around.ids.next : id,
        type: 't',
        key: 'k',
        name: 'k',
        scope,
        queue: 'q',
        priority: 'normal',
        mode: 'async',
        policy,
      } as const;
      const { whenAborting } = intent;
      const expires = intent.pick % 3 === 0 ? { expiresAt: at + 5 } : {};
      const made = { ...spec, ...user, ...options, ...expires, ...dependenciesOf(intent, around) };
      return { kind: 'submit', at, actor, spec: made, whenAborting, ...modeOf(intent) };
    }
    case 'retry': {
      const subscribers = [{ user: 'alice', at }];
      const shape = { type: 't', key: 'k', name: 'k', queue: 'q', priority: 'normal', creator: 'alice' } as const;
      const former = { id, status: flag ? 'failure' : 'success', scope, policy, subscribers, ...shape } as const;
      return { kind: 'retry', at, actor, former, id: around.ids.next, whenAborting: intent.whenAborting };
    }
    case 'cancel':
      return {
        ...{ kind: 'cancel', at, actor, id, force: flag },
        ...(intent.pick % 6 === 0 ? { why: 'bulk', whenStatus: ['in_progress'] as const } : {}),
      };
    case 'change-priority':
      return { kind: 'change-priority', at, actor, id, priority: flag ? 'high' : 'low' };
    case 'signal': {
      // Mostly one that is awaited or will be; sometimes the same one again.
      const signal = intent.pick % 4 === 0 ? 's-0' : `s-${around.at}`;
      const data = flag ? { data: new Uint8Array([intent.pick % 256]) } : {};
      return { kind: 'signal', at, actor, id, signal, name: nameIn(intent), ...data };
    }
    case 'keep-step':
      return {
        ...{ kind: 'keep-step', at, fence, name: `step ${intent.pick % 4}` },
        ...(flag ? { result: new Uint8Array([intent.pick % 256]) } : {}),
      };
    case 'set-cancel-handle':
      return { kind: 'set-cancel-handle', at, fence, ...(intent.pick % 4 === 0 ? {} : { data: new Uint8Array([1]) }) };
    case 'end-cancelling':
      return { kind: 'end-cancelling', at, fence, ...(flag ? {} : { error }) };
    case 'suspend': {
      const isOver = intent.pick % 3 === 0;
      return {
        ...{ kind: 'suspend', at, fence, name: nameIn(intent), number: 1 + (around.answers % 3) },
        ...{ timeoutMs: 1 + (intent.pick % 9), isOver },
        ...traceIn(intent),
      };
    }
    case 'spawn': {
      const subscribers = [{ user: 'alice', at }];
      return { kind: 'spawn', at, spec: childOf(intent, around), subscribers };
    }
    case 'adopt': {
      const children = childrenIn(intent);
      return { kind: 'adopt', at, fence, children };
    }
    case 'await-children': {
      const wait = { children: flag ? ['child-1'] : ['child-1', 'child-2'], number: 1 + (intent.pick % 3) };
      const onFailure = intent.pick % 2 === 0 ? { onFailure: 'continue' as const } : {};
      const isOver = intent.pick % 3 === 0;
      return { kind: 'await-children', at, fence, ...wait, ...onFailure, timeoutMs: 1 + (intent.pick % 9), isOver };
    }
    case 'note-children': {
      const status = (['success', 'failure', 'aborted', 'gone'] as const)[intent.pick % 4] ?? 'success';
      const ends = flag ? [{ id: `child-${1 + (intent.pick % 2)}`, end: { status, at } }] : [];
      const shares = [{ id: 'child-2', share: (intent.pick % 10) / 10 }];
      const [adopted] = childrenIn(intent);
      return { kind: 'note-children', at, id, ends, shares, ...(adopted && intent.pick % 5 === 0 ? { adopted } : {}) };
    }
    case 'parent-ended': {
      const how = (['aborting', 'success', 'failure', 'gone'] as const)[intent.pick % 4] ?? 'gone';
      return { kind: 'parent-ended', at, id, parent: intent.pick % 7 === 0 ? 'another' : 'parent-1', how };
    }
    case 'claim': {
      // A store does not let anybody decide on another revision than the present one.
      const revision = around.revision;
      return { kind: 'claim', at, id, worker, epoch: 7, revision, offered: flag ? revision : intent.pick };
    }
    case 'make-abortable':
      return { kind: intent.kind, at, fence };
    case 'mark-finishing': {
      const body = intent.pick % 2 === 0 ? ({ kind: 'returned' } as const) : ({ kind: 'threw', error } as const);
      return { kind: intent.kind, at, fence, ...(flag ? { body } : {}) };
    }
    case 'progress':
      return {
        kind: 'progress',
        at,
        fence,
        ...(flag ? { progress: { count: intent.pick } } : { payload: new Uint8Array([1]) }),
        ...(intent.pick % 3 === 0 ? { tags: flag ? { rows: intent.pick } : {} } : {}),
        ...traceIn(intent),
      };
    case 'observe-abort':
      return { kind: 'observe-abort', at, fence, deliveredAt: at, observedAt: at };
    case 'finish': {
      const body = flag
        ? ({ kind: 'returned', result: new Uint8Array([intent.pick % 256]) } as const)
        : ({ kind: 'threw', error, ...(intent.pick % 3 === 0 ? { retryAfterMs: number } : {}) } as const);
      const handlerErrors = intent.pick % 7 === 0 ? [error] : [];
      return {
        kind: 'finish',
        at,
        fence,
        body,
        handlerErrors,
        abortHandled: intent.pick % 4 !== 0,
        random: 0.5,
        ...traceIn(intent),
      };
    }
    case 'give-back':
      return {
        ...{ kind: 'give-back', at, fence, why: 'drain' },
        ...(flag ? { abnormal: true } : {}),
        ...(intent.pick % 3 === 0 ? { isRunning: true } : {}),
        ...traceIn(intent),
      };
    case 'time-out':
    case 'mark-not-stopping':
      return { kind: intent.kind, at, by, fence };
    case 'rescue':
      return {
        kind: 'rescue',
        at,
        by,
        id,
        worker,
        ...(intent.pick % 2 === 0 ? { fence } : {}),
        ...cancellerIn(intent, around),
      };
    case 'release-successors':
      return { kind: 'release-successors', at };
    case 'promote':
    case 'expire':
      return { kind: intent.kind, at, by, id };
    case 'displace':
      return { kind: 'displace', at, by, id, why: 'full', ...(flag ? { fence } : {}) };
    case 'note-ends': {
      const status = (['success', 'failure', 'aborted', 'gone'] as const)[intent.pick % 4] ?? 'success';
      const ended = flag ? ['before-1'] : ['before-1', 'before-2', 'never-was'];
      return { kind: 'note-ends', at, by, id, ends: ended.map((one) => ({ id: one, end: { status, at } })) };
    }
    case 'await-end':
      return { kind: 'await-end', at, id, actor };
    case 'archive':
      return { kind: 'archive', at, id };
  }
};

/** Mostly somebody is there who can. */
const cancellerIn = ({ pick, flag }: Intent, { revision }: Surroundings) => {
  if (pick % 5 === 0) return flag ? ({ canceller: 'none' } as const) : {};
  return { canceller: { worker: pick % 2 === 0 ? 'w1' : 'w2', fence: { epoch: 7, revision } } };
};

const childOf = ({ pick, policy, scope }: Intent, { ids }: Surroundings) => {
  const run = { scope, creator: 'alice', queue: 'q', priority: 'normal', mode: 'async', policy } as const;
  const parent = { id: 'parent-1', address: '00.t.parent', ...(pick % 4 === 0 ? LEFT : {}) };
  return { id: ids.next, type: 't', key: 'k', name: 'k', ...run, awaited: true, parent } as const;
};

const LEFT = { leave: true } as const;

/** Some tell the span of their run, the same or another one. */
const traceIn = ({ pick }: Intent) => (pick % 5 === 0 ? { trace: `00-1-${pick % 2}-01` } : {});

const childrenIn = ({ pick, flag }: Intent): readonly Child[] => {
  const child = (number: number): Child => ({ id: `child-${number}`, address: `00.t.c${number}`, name: `c${number}` });
  return flag ? [child(1)] : [child(1 + (pick % 3)), child(2)];
};

/** Of a third of the submits; some of them name the task they may come to. */
const dependenciesOf = (
  { pick, flag }: Intent,
  { ids }: Surroundings,
): { readonly dependsOn?: readonly Dependency[] } => {
  if (pick % 3 !== 1) return {};
  const edge = (id: string, onFailure?: 'continue' | 'ignore'): Dependency => ({
    ...{ id, address: `00.t.${id}`, name: id },
    ...(onFailure === undefined ? {} : { onFailure }),
  });
  const first = edge('before-1', pick % 2 === 0 ? 'continue' : undefined);
  const second = flag ? [edge('before-2', 'ignore')] : [];
  return { dependsOn: [first, ...second, ...(pick % 7 === 0 ? [edge(ids.present)] : [])] };
};
