import type { TaskDocument } from '@baton/protocols';
import { isTerminal, type Status } from '@baton/core';
import type { TaskHandle } from '@baton/sdk';
import { say, styled } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { plain, sayJson } from '../output.ts';
import { progressView, silentView } from '../progress-view.ts';
import type { Session } from '../session.ts';

/** Follows a task to its end. */
export const watch = async (
  session: Session,
  id: string,
  options: { readonly waitTimeout?: string },
): Promise<number> => {
  const { document, handle } = await session.task(id);
  if (handle !== undefined) return followToEnd(session, handle, options.waitTimeout);
  return sayEnd(session, document);
};

/** Live progress on stderr, the outcome on stdout; as JSON a line for every change. */
export const followToEnd = async (session: Session, handle: TaskHandle, timeout?: string): Promise<number> => {
  const view = session.json ? silentView : progressView(handle.isTerminal ? 'ended' : 'waiting for a worker');
  const live = await handle.onProgress(({ progress }) => {
    if (progress !== undefined) view.update(progress);
  });
  const changes = session.json ? sayChanges(handle) : undefined;
  try {
    await handle.wait({ fetch: false, ...(timeout === undefined ? {} : { timeout: durationOf(timeout) }) });
    if (handle.progress !== undefined) view.update(handle.progress);
  } finally {
    live.close();
    view.close();
  }
  await changes;
  const { uuid, status, attempt, error } = handle;
  const result = status === 'success' ? await handle.fetchResult() : undefined;
  if (session.json) sayJson({ id: uuid, status, attempt, result: result ?? null, error: error ?? null });
  else sayOutcome(uuid, status, error, result);
  return codeFor(status);
};

const sayChanges = async (handle: TaskHandle): Promise<void> => {
  let last = '';
  for await (const { id, status, attempt, progress, revision } of handle.events()) {
    const line = JSON.stringify({ id, status, attempt, progress: progress ?? null });
    if (line !== last && !isTerminal(status)) sayJson({ id, revision, status, attempt, progress: progress ?? null });
    last = line;
  }
};

/** Of a task whose record has been forgotten. */
const sayEnd = (session: Session, document: TaskDocument): number => {
  const { _id, status, attempt, error_message: message, exception_type: type } = document;
  const error = message === null ? undefined : { message, type: type ?? 'Error' };
  if (session.json) sayJson({ id: _id, status, attempt, error: error ?? null });
  else sayOutcome(_id, status, error, undefined);
  return codeFor(status);
};

type Failure = { readonly message: string; readonly type: string };

const SHOWN_CHARS = 2_000;

const sayOutcome = (id: string, status: Status, error: Failure | undefined, result: unknown): void => {
  say(`${id}  ${styled(status === 'success' ? 'green' : 'red', status)}`);
  if (error !== undefined) say(`  ${plain(error.type)}: ${plain(error.message)}`);
  if (result === undefined) return;
  const text = JSON.stringify(result);
  say(
    text.length <= SHOWN_CHARS
      ? `  ${text}`
      : `  ${text.slice(0, SHOWN_CHARS)}…  (all of it: baton get ${id} --result)`,
  );
};

const codeFor = (status: Status): number => (status === 'success' ? exitCodes.ok : exitCodes.notSuccessful);
