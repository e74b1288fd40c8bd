import { useEffect, useState } from 'preact/hooks';
import type { ServerEvent } from '../api/event-parser.ts';
import { ApiError } from '../api/http.ts';
import { getTask } from '../api/tasks.ts';
import { type WireRow, withRow } from '../api/wire.ts';
import { type App, useApp } from '../shell/app-context.ts';
import type { Progress } from '../time/progress.ts';
import { oncePerFrame } from '../ui/frames.ts';
import { isTerminal, type TaskDetail } from './task.ts';

export type TaskState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly fault: ApiError }
  | { readonly kind: 'shown'; readonly task: TaskDetail };

type TaskEvent = { readonly change: 'created' | 'status' | 'update' | 'current'; readonly task: WireRow };
type ProgressEvent = { readonly uuid: string; readonly progress: Progress };
type LeaveEvent = { readonly uuid: string };

/** What a row does not have (history, result) is read again after a change, at most this often. */
const REREAD_MS = 500;
/** Another gateway, or the database, may be behind the events for a moment. */
const MOST_REREADS = 5;

/** One task and all that happens to it. Another `attempt` reads it anew. */
export const useTask = (uuid: string, attempt: number, onGone: () => void): TaskState => {
  const { server, live } = useApp();
  const [state, setState] = useState<TaskState>({ kind: 'loading' });
  useEffect(() => {
    setState({ kind: 'loading' });
    return followTask({ server, live }, uuid, setState, onGone);
  }, [uuid, attempt]);
  return state;
};

/** Until the answer is called: every version of it. */
export const followTask = (
  { server, live }: Pick<App, 'server' | 'live'>,
  uuid: string,
  show: (state: TaskState) => void,
  onGone: () => void,
): (() => void) => {
  const stopped = new AbortController();
  let latest: TaskDetail | undefined;
  let newest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let rereads = 0;
  let stopProgress: (() => void) | undefined;

  const draw = oncePerFrame(() => {
    if (!stopped.signal.aborted && latest !== undefined) show({ kind: 'shown', task: latest });
  });
  const take = (task: TaskDetail): void => {
    if (stopped.signal.aborted || (latest !== undefined && latest.revision > task.revision)) return;
    latest = task;
    newest = Math.max(newest, task.revision);
    if (isTerminal(task.status)) stopProgress?.();
    else stopProgress ??= live.wantProgress(uuid);
    draw();
  };
  const read = async (): Promise<void> => {
    try {
      const task = await getTask(server, uuid, stopped.signal);
      take(task);
      if (task.revision >= newest) rereads = 0;
      else if (rereads++ < MOST_REREADS) readSoon();
    } catch (error) {
      if (stopped.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) show({ kind: 'missing' });
      // What is shown stays; the next beginning of the stream reads again.
      else if (latest === undefined) show({ kind: 'failed', fault: error });
    }
  };
  const readSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void read();
    }, REREAD_MS);
  };
  const onTask = ({ change, task: wire }: TaskEvent): void => {
    if (wire.uuid !== uuid) return;
    newest = Math.max(newest, wire.revision);
    if (latest !== undefined && wire.revision > latest.revision) take(withRow(latest, wire));
    if (change !== 'update' || wire.payload_omitted) readSoon();
  };
  const onEvent = ({ event, data }: ServerEvent): void => {
    switch (event) {
      case 'task':
        return onTask(JSON.parse(data) as TaskEvent);
      case 'progress': {
        const said = JSON.parse(data) as ProgressEvent;
        // What a handler has just said, and what is not stored yet.
        if (latest !== undefined && said.uuid === uuid) take({ ...latest, progress: said.progress });
        return;
      }
      case 'leave':
        if ((JSON.parse(data) as LeaveEvent).uuid === uuid) onGone();
    }
  };

  void read();
  const stopListening = live.listen({ state: () => undefined, begin: () => void read(), event: onEvent });
  return () => {
    stopped.abort();
    clearTimeout(timer);
    stopListening();
    stopProgress?.();
  };
};
