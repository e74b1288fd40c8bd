import { useEffect, useState } from 'preact/hooks';
import type { ServerEvent } from '../api/event-parser.ts';
import { followEvents } from '../api/event-stream.ts';
import { ApiError, type Server } from '../api/http.ts';
import { getTask } from '../api/tasks.ts';
import { detailOf, type WireDetail } from '../api/wire.ts';
import type { Progress } from '../time/progress.ts';
import { oncePerFrame } from '../ui/frames.ts';
import type { TaskDetail } from './task.ts';

export type TaskState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly fault: ApiError }
  | { readonly kind: 'shown'; readonly task: TaskDetail };

type TaskEvent = { readonly task: WireDetail };
type ProgressEvent = { readonly progress?: Progress | null; readonly payload?: unknown };

/** One task and all that happens to it, until its end. Another `attempt` reads it anew. */
export const useTask = (server: Server, uuid: string, attempt: number, onGone: () => void): TaskState => {
  const [state, setState] = useState<TaskState>({ kind: 'loading' });
  useEffect(() => {
    setState({ kind: 'loading' });
    return followTask(server, uuid, setState, onGone);
  }, [uuid, attempt]);
  return state;
};

const followTask = (
  server: Server,
  uuid: string,
  show: (state: TaskState) => void,
  onGone: () => void,
): (() => void) => {
  const stopped = new AbortController();
  let stopStream: (() => void) | undefined;
  let latest: TaskDetail | undefined;

  const draw = oncePerFrame(() => {
    if (!stopped.signal.aborted && latest !== undefined) show({ kind: 'shown', task: latest });
  });
  const take = (task: TaskDetail): void => {
    if (latest !== undefined && latest.revision > task.revision) return;
    latest = task;
    draw();
  };
  const read = async (): Promise<void> => {
    try {
      take(await getTask(server, uuid, stopped.signal));
    } catch (error) {
      if (stopped.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      show(error.status === 404 ? { kind: 'missing' } : { kind: 'failed', fault: error });
    }
  };
  const onEvent = ({ event, data }: ServerEvent): void => {
    switch (event) {
      case 'task':
        return take(detailOf((JSON.parse(data) as TaskEvent).task));
      case 'progress':
        if (latest !== undefined) take(withLive(latest, JSON.parse(data) as ProgressEvent));
        return;
      case 'end':
        return stopStream?.();
      case 'gone':
        stopStream?.();
        return onGone();
      case 'reset':
        return void read();
    }
  };

  void read().then(() => {
    if (stopped.signal.aborted || latest === undefined) return;
    stopStream = followEvents({
      server,
      path: `/api/v1/task/${encodeURIComponent(uuid)}/events`,
      onEvent,
      onState: () => undefined, // the list's stream is the one that tells whether the server is there
    });
  });
  return () => {
    stopped.abort();
    stopStream?.();
  };
};

/** What a handler has just said, and what is not stored yet. */
const withLive = (task: TaskDetail, { progress, payload }: ProgressEvent): TaskDetail => ({
  ...task,
  ...(progress === undefined || progress === null ? {} : { progress }),
  ...(payload === undefined ? {} : { payload }),
});
