import type { Actor, Command, SubmitMode } from '../command.ts';
import type { Fence, Policy, Scope } from '../task.ts';
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
};

export const NO_FENCE: Fence = { epoch: 1, revision: 1 };

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
      const made = { ...spec, ...user, ...options, ...(intent.pick % 3 === 0 ? { expiresAt: at + 5 } : {}) };
      return { kind: 'submit', at, actor, spec: made, whenAborting, ...modeOf(intent) };
    }
    case 'retry': {
      const subscribers = [{ user: 'alice', at }];
      const shape = { type: 't', key: 'k', name: 'k', queue: 'q', priority: 'normal', creator: 'alice' } as const;
      const former = { id, status: flag ? 'failure' : 'success', scope, policy, subscribers, ...shape } as const;
      return { kind: 'retry', at, actor, former, id: around.ids.next, whenAborting: intent.whenAborting };
    }
    case 'cancel':
      return { kind: 'cancel', at, actor, id, force: flag };
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
      };
    case 'observe-abort':
      return { kind: 'observe-abort', at, fence, deliveredAt: at, observedAt: at };
    case 'finish': {
      const body = flag
        ? ({ kind: 'returned', result: new Uint8Array([intent.pick % 256]) } as const)
        : ({ kind: 'threw', error, ...(intent.pick % 3 === 0 ? { retryAfterMs: number } : {}) } as const);
      const handlerErrors = intent.pick % 7 === 0 ? [error] : [];
      return { kind: 'finish', at, fence, body, handlerErrors, abortHandled: intent.pick % 4 !== 0, random: 0.5 };
    }
    case 'give-back':
      return { kind: 'give-back', at, fence, why: 'drain', ...(flag ? { abnormal: true } : {}) };
    case 'time-out':
    case 'mark-not-stopping':
      return { kind: intent.kind, at, by, fence };
    case 'rescue':
      return { kind: 'rescue', at, by, id, worker, ...(intent.pick % 2 === 0 ? { fence } : {}) };
    case 'release-successors':
      return { kind: 'release-successors', at };
    case 'promote':
    case 'expire':
      return { kind: intent.kind, at, by, id };
    case 'archive':
      return { kind: 'archive', at, id };
  }
};
