import type { TaskDocument } from '@baton/protocols';
import { etaMs, isTerminal, type Status } from '@baton/core';
import type { TaskHandle, TaskSnapshot } from '@baton/sdk';
import { say, styled } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { plain, sayJson } from '../output.ts';
import { progressView, silentView, type ProgressView } from '../progress-view.ts';
import { tellWhyItWaits } from '../waiting.ts';
import type { Session } from '../session.ts';

/** Follows a task to its end. */
export const watch = async (
  session: Session,
  id: string,
  options: { readonly waitTimeout?: number },
): Promise<number> => {
  const { document, handle } = await session.task(id);
  if (handle !== undefined) return followToEnd(session, handle, options.waitTimeout);
  return sayEnd(session, document);
};

/** Live progress on stderr, the outcome on stdout; as JSON a line for every change. */
export const followToEnd = async (session: Session, handle: TaskHandle, timeoutSeconds?: number): Promise<number> => {
  if (!session.json) process.stderr.write(`${styled('bold', plain(handle.name))}  ${handle.uuid}\n`);
  const view = session.json ? silentView : viewOf(handle);
  const live = await handle.onProgress(({ progress }) => {
    if (progress !== undefined) view.update(progress);
  });
  let over = false;
  // Fails only with the connection, which `wait` tells.
  const changes = followChanges(handle, session.json ? sayChange() : showChange(view)).catch(() => {});
  if (!session.json) void tellWhyItWaits(session, handle, view.wait, () => over).catch(() => {});
  const leave = (): void => {
    view.close();
    if (!session.json) process.stderr.write(`It goes on. To follow it again: baton watch ${handle.uuid}\n`);
    process.exit(130);
  };
  process.once('SIGINT', leave);
  try {
    await handle.wait({ fetch: false, ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds }) });
    if (handle.progress !== undefined) view.update(handle.progress);
  } finally {
    over = true;
    process.off('SIGINT', leave);
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

/** The ETA is the task's own, from the beginning of its attempt, not of the watching. */
const viewOf = (handle: TaskHandle): ProgressView =>
  progressView(handle.isTerminal ? 'ended' : 'waiting for a worker', {
    etaOf: (progress) => {
      const { durationSeconds } = handle;
      return durationSeconds === undefined || handle.isTerminal ? undefined : etaMs(progress, durationSeconds * 1_000);
    },
  });

/** Keeps the handle up to date. */
const followChanges = async (handle: TaskHandle, tell: (seen: TaskSnapshot) => void): Promise<void> => {
  for await (const seen of handle.events()) tell(seen);
};

/** A task that has begun and tells no progress does not wait any more. */
const showChange =
  (view: ProgressView) =>
  ({ status, attempt, progress }: TaskSnapshot): void => {
    if (status === 'in_progress' && progress === undefined)
      view.wait(attempt > 1 ? `running, attempt ${attempt}` : 'running');
    if (status === 'aborting') view.wait('aborting');
  };

const sayChange = (): ((seen: TaskSnapshot) => void) => {
  let last = '';
  return ({ id, status, attempt, progress, revision }) => {
    const line = JSON.stringify({ id, status, attempt, progress: progress ?? null });
    if (line !== last && !isTerminal(status)) sayJson({ id, revision, status, attempt, progress: progress ?? null });
    last = line;
  };
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
