import { tagTermsOf } from '@baton/core';
import type { SignalDocument, TaskDocument } from '@baton/protocols';
import { readDataText } from '@baton/protocols';
import { writeFile } from 'node:fs/promises';
import { DataLostError, InvalidArgumentError, loadValue } from '@baton/runtime';
import { say, styled } from '../../dev/terminal.ts';
import { documentJson } from '../document-json.ts';
import { exitCodes } from '../exit-codes.ts';
import { bytesText, durationText, progressText, sayFields, sayJson, timeText } from '../output.ts';
import type { Session } from '../session.ts';

export type GetOptions = { readonly result?: boolean; readonly args?: boolean; readonly output?: string };

/**
 * All that is known of a task; with `result` or `args` only that, as JSON: whole into a file or a pipe, up to a limit on a
 * terminal.
 */
export const get = async (session: Session, id: string, options: GetOptions): Promise<number> => {
  const { result = false, args = false, output } = options;
  if (result && args) throw new InvalidArgumentError('give --result or --args, not both');
  if (output !== undefined && !result && !args) throw new InvalidArgumentError('--output goes with --result or --args');
  const document = await session.document(id);
  if (result || args) {
    const text = result ? document.result : document.args;
    const json = JSON.stringify(text === null ? null : await valueIn(session, text));
    if (output === undefined) sayWhole(json);
    else await writeWhole(output, json, session.json);
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

/** On a terminal more than this only scrolls by. */
const TERMINAL_CHARS = 20_000;

const sayWhole = (json: string): void => {
  if (!process.stdout.isTTY || json.length <= TERMINAL_CHARS) return say(json);
  say(`${json.slice(0, TERMINAL_CHARS)}…`);
  const size = bytesText(Buffer.byteLength(json));
  process.stderr.write(`The first ${TERMINAL_CHARS} characters of ${size}; all of it: --output <file>, or a pipe\n`);
};

const writeWhole = async (path: string, json: string, asJson: boolean): Promise<void> => {
  try {
    await writeFile(path, `${json}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`--output cannot be written: ${reason}`, { cause: error });
  }
  const bytes = Buffer.byteLength(json) + 1;
  if (asJson) sayJson({ output: path, bytes });
  else say(`${path}  ${bytesText(bytes)}`);
};

const SHOWN_CHARS = 400;

/** What lies beside the record is fetched when it is asked for; where it lies is nobody's business. */
const data = (text: string | null, how: string): string | undefined => {
  if (text === null) return undefined;
  const reading = readDataText(text);
  if (reading.kind === 'lost') return `cannot be read: ${reading.reason}`;
  if (!(reading.data instanceof Uint8Array)) return `${bytesText(reading.data.size)}, to be seen with ${how}`;
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`;
};

const dependsOnText = ({ depends_on: edges = [] }: TaskDocument): string | undefined =>
  edges.length === 0
    ? undefined
    : edges.map(({ uuid, task_name, status }) => `${task_name} ${uuid} (${status ?? 'not ended'})`).join(', ');
const tagsText = ({ tags }: TaskDocument): string | undefined =>
  tags === undefined ? undefined : tagTermsOf(tags).join(', ');
const waitingText = ({ waiting_for: waiting, run_at: until }: TaskDocument): string | undefined =>
  waiting ? `${waitedFor(waiting)}, until ${timeText(until)}` : undefined;
const waitedFor = (waiting: NonNullable<TaskDocument['waiting_for']>): string =>
  waiting.signal === null ? `children ${waiting.children.join(', ')}` : `signal ${waiting.signal}`;

const childrenText = ({ children = [] }: TaskDocument): string | undefined => {
  if (children.length === 0) return undefined;
  const done = children.filter(({ status }) => status !== null).length;
  const shown = children.map((child) => `${child.task_name} ${child.uuid} (${child.status ?? shareText(child.share)})`);
  return `${done} of ${children.length} ended: ${shown.join(', ')}`;
};

const shareText = (share: number | null): string =>
  share === null ? 'not ended' : `not ended, ${Math.floor(share * 100)}%`;

const parentText = ({ parent }: TaskDocument): string | undefined =>
  parent === undefined ? undefined : `${parent.uuid}${parent.leave ? ', and goes on without it' : ''}`;

const signalText = ({ name, at, sent_by: by, timed_out: isOver }: SignalDocument): string =>
  isOver ? `${name} did not come in time` : `${name} by ${by} at ${timeText(at)}`;

const show = (document: TaskDocument): void => {
  const { started_at: started, ended_at: ended, abort } = document;
  say(styled('bold', document.task_name));
  sayFields({
    id: document._id,
    type: document.task_type,
    key: document.task_key,
    scope: document.scope,
    status: document.status,
    cancelling: document.cancelling ? 'its worker has died; its canceller runs' : undefined,
    'not stopping':
      document.not_stopping && !document.cancelling ? 'its body ignores the abort; --force ends it' : undefined,
    'timeout unenforced': document.timeout_unenforced ? 'its time is over, and it cannot be stopped' : undefined,
    abortable: document.terminal ? undefined : document.is_abortable,
    progress: progressText(document.progress),
    'created by': document.created_by,
    subscribers: document.scope === 'shared' ? document.subscriber_ids.join(', ') : undefined,
    queue: `${document.queue}, ${document.priority}`,
    group: document.group,
    tags: tagsText(document),
    'limit key': document.limit_key,
    'execution mode': document.execution_mode,
    created: timeText(document.created_at),
    'waits for': waitingText(document),
    'not before': document.waiting_for ? undefined : timeText(document.run_at),
    'not after': timeText(document.expires_at),
    started: timeText(started),
    ended: timeText(ended),
    took: durationText(started, ended),
    attempt: document.attempt === 0 ? undefined : `${document.attempt} of ${document.max_attempts}`,
    rescues: document.rescues || undefined,
    timeout: document.timeout_seconds === null ? undefined : `${document.timeout_seconds} s`,
    worker: document.worker,
    joins: document.dedupe_count || undefined,
    'retry of': document.retried_from,
    trace: document.trace_id,
    'depends on': dependsOnText(document),
    parent: parentText(document),
    children: childrenText(document),
    signals: document.signals?.map(signalText).join(', ') || undefined,
    steps: document.steps?.map(({ name }) => name).join(', '),
    abort: abort === null ? undefined : `${abort.cause} by ${abort.requested_by}${abort.forced ? ', forced' : ''}`,
    error: document.error_message === null ? undefined : `${document.exception_type}: ${document.error_message}`,
    arguments: data(document.args, '--args'),
    payload: data(document.payload, '--json'),
    result: data(document.result, '--result'),
  });
};
