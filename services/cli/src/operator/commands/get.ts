import type { TaskDocument } from '@baton/protocols';
import { readDataText } from '@baton/protocols';
import { DataLostError, loadValue } from '@baton/runtime';
import { say, styled } from '../../dev/terminal.ts';
import { documentJson } from '../document-json.ts';
import { exitCodes } from '../exit-codes.ts';
import { durationText, progressText, sayFields, sayJson, timeText } from '../output.ts';
import type { Session } from '../session.ts';

/** All that is known of a task; with `result` or `args` only that, whole, as JSON. */
export const get = async (
  session: Session,
  id: string,
  options: { readonly result?: boolean; readonly args?: boolean },
): Promise<number> => {
  const document = await session.document(id);
  if (options.result || options.args) {
    const text = options.result ? document.result : document.args;
    sayJson(text === null ? null : await valueIn(session, text));
    return exitCodes.ok;
  }
  if (session.json) sayJson(documentJson(document));
  else show(document);
  return exitCodes.ok;
};

const valueIn = async (session: Session, text: string): Promise<unknown> => {
  const reading = readDataText(text);
  if (reading.kind === 'lost') throw new DataLostError('DATA_DAMAGED', `it cannot be read: ${reading.reason}`);
  const value = await loadValue((await session.ports()).data, reading.data);
  return value;
};

const SHOWN_CHARS = 400;

const data = (text: string | null): string | undefined => {
  if (text === null) return undefined;
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`;
};

const show = (document: TaskDocument): void => {
  const { started_at: started, ended_at: ended, abort } = document;
  say(styled('bold', document.task_name));
  sayFields({
    id: document._id,
    type: document.task_type,
    key: document.task_key,
    scope: document.scope,
    status: document.status,
    'not stopping': document.not_stopping ? 'its body ignores the abort; --force ends it' : undefined,
    'timeout unenforced': document.timeout_unenforced ? 'its time is over, and it cannot be stopped' : undefined,
    abortable: document.terminal ? undefined : document.is_abortable,
    progress: progressText(document.progress),
    'created by': document.created_by,
    subscribers: document.scope === 'shared' ? document.subscriber_ids.join(', ') : undefined,
    queue: `${document.queue}, ${document.priority}`,
    'execution mode': document.execution_mode,
    created: timeText(document.created_at),
    'not before': timeText(document.run_at),
    started: timeText(started),
    ended: timeText(ended),
    took: durationText(started, ended),
    attempt: document.attempt === 0 ? undefined : `${document.attempt} of ${document.max_attempts}`,
    rescues: document.rescues || undefined,
    timeout: document.timeout_seconds === null ? undefined : `${document.timeout_seconds} s`,
    worker: document.worker,
    joins: document.dedupe_count || undefined,
    'retry of': document.retried_from,
    abort: abort === null ? undefined : `${abort.cause} by ${abort.requested_by}${abort.forced ? ', forced' : ''}`,
    error: document.error_message === null ? undefined : `${document.exception_type}: ${document.error_message}`,
    arguments: data(document.args),
    payload: data(document.payload),
    result: data(document.result),
  });
};
