import { submitBulk } from '../api/bulk.ts';
import { ApiError } from '../api/http.ts';
import { cancelTask } from '../api/tasks.ts';
import type { App } from '../shell/app-context.ts';
import { isTerminal, type TaskDetail } from '../task/task.ts';
import { followTask } from '../task/task-model.ts';
import { randomId } from '../ui/random-id.ts';
import type { BulkOrder } from './order.ts';
import { type BulkReport, hasAllSaid, reportOf } from './report.ts';

/** How far one bulk operation is, from being asked for to its end. */
export type RunState =
  | { readonly kind: 'asking' }
  /** Nothing was made. */
  | { readonly kind: 'refused'; readonly fault: string }
  /** No answer that counts: it may have been made, and asked for again it is the same one. `fault`: what came instead. */
  | { readonly kind: 'unanswered'; readonly fault: string | undefined }
  /** `task`: as it was last heard of; without it `fault` may say why. */
  | {
      readonly kind: 'made';
      readonly uuid: string;
      readonly task: TaskDetail | undefined;
      readonly fault: string | undefined;
    };

export type Run = {
  /** Once more, after no answer. */
  readonly again: () => void;
  /** Nobody wants it any more: stopped, unless it has ended. */
  readonly drop: () => void;
  /** Nobody looks any more: it goes on, and `onEnd` is told how it ends. */
  readonly leave: (onEnd: (state: RunState) => void) => void;
};

export const hasEnded = (state: RunState): boolean =>
  state.kind === 'refused' || (state.kind === 'made' && state.task !== undefined && hasAllSaid(state.task));

/** What a count has come to: undefined while it goes on, and where it has failed. */
export const foundBy = (state: RunState): BulkReport | undefined => {
  if (state.kind !== 'made' || state.task?.status !== 'success' || !hasEnded(state)) return undefined;
  return reportOf(state.task);
};

/** Asks for an operation and follows its task. */
export const startRun = (app: App, order: BulkOrder, show: (state: RunState) => void): Run => {
  const operationId = randomId();
  let tell = show;
  let state: RunState = { kind: 'asking' };
  let isDropped = false;
  let stopFollowing: (() => void) | undefined;

  const enter = (next: RunState): void => {
    state = next;
    tell(next);
  };
  const ask = async (): Promise<void> => {
    enter({ kind: 'asking' });
    try {
      const { uuid } = await submitBulk(app.server, order, operationId);
      if (isDropped) return stop(app, uuid);
      enter({ kind: 'made', uuid, task: undefined, fault: undefined });
      stopFollowing = follow(app, uuid, enter);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { status, message: fault } = error;
      if (isRefusal(error)) enter({ kind: 'refused', fault });
      else enter({ kind: 'unanswered', fault: status === 0 ? undefined : fault });
    }
  };
  void ask();

  return {
    again: () => {
      if (state.kind === 'unanswered') void ask();
    },
    drop: () => {
      tell = () => undefined;
      isDropped = true;
      stopFollowing?.();
      if (state.kind === 'made' && !(state.task !== undefined && isTerminal(state.task.status))) stop(app, state.uuid);
    },
    leave: (onEnd) => {
      tell = (next) => {
        if (next.kind !== 'unanswered' && !hasEnded(next)) return;
        stopFollowing?.();
        onEnd(next);
      };
      if (hasEnded(state)) stopFollowing?.();
    },
  };
};

/** The server has said no, and why. Whatever else comes instead of an answer may come from the way to it. */
const isRefusal = ({ status }: ApiError): boolean => status >= 400 && status < 500;

const follow = (app: App, uuid: string, enter: (state: RunState) => void): (() => void) => {
  const made = { kind: 'made', uuid } as const;
  let latest: TaskDetail | undefined;
  const gone = (): void => enter({ ...made, task: latest, fault: 'You do not see its task any more.' });
  return followTask(
    app,
    uuid,
    (state) => {
      if (state.kind === 'shown') latest = state.task;
      const fault =
        state.kind === 'failed'
          ? state.fault.message
          : state.kind === 'missing'
            ? 'Its task is not there any more.'
            : undefined;
      if (state.kind !== 'loading') enter({ ...made, task: latest, fault });
    },
    gone,
  );
};

/** A count that nobody waits for. That it could not be stopped harms nobody. */
const stop = (app: App, uuid: string): void => {
  cancelTask(app.server, uuid, false).catch(() => undefined);
};
