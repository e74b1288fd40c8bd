import type { TaskDocument } from '@baton/protocols';
import type { TaskHandle } from '@baton/sdk';
import { say, styled } from '../dev/terminal.ts';
import type { DatasetProfile } from './profile-datasets.ts';

export const showOutcome = (handle: TaskHandle<readonly DatasetProfile[]>): void => {
  const { startedAt, endedAt, createdAt } = handle;
  const ran = (endedAt?.getTime() ?? 0) - (startedAt?.getTime() ?? 0);
  const queued = (startedAt?.getTime() ?? 0) - createdAt.getTime();
  const status = styled(handle.status === 'success' ? 'green' : 'red', handle.status);
  say(`\n  ${status} after ${ran} ms (${queued} ms in the queue), attempt ${handle.attempt}`);
  if (handle.error !== undefined) say(`  ${handle.error.type}: ${handle.error.message}`);
  for (const profile of handle.result ?? []) showProfile(profile);
};

const showProfile = (profile: DatasetProfile): void => {
  say(`\n  ${styled('bold', profile.dataset)}  ${profile.rows.toLocaleString('en')} rows`);
  const width = Math.max(...profile.columns.map((column) => column.name.length));
  for (const column of profile.columns) {
    const distinct = `${column.distinct.toLocaleString('en')}${column.atLeast ? '+' : ''} different`;
    const middle = column.mean === undefined ? '' : `, mean ${round(column.mean)} ± ${round(column.deviation ?? 0)}`;
    const top = column.most[0];
    const most = top === undefined || top[1] < 2 ? '' : `, most often ${JSON.stringify(top[0])} (${top[1]})`;
    say(`    ${column.name.padEnd(width)}  ${column.kind.padEnd(6)}  ${distinct}${middle}${most}`);
  }
};

const round = (value: number): string => Number(value.toPrecision(5)).toString();

/** The parts of a document that tell its story, as they are stored. */
export const showDocument = (document: TaskDocument): void => {
  const { _id, task_type, task_key, status, created_by, subscriber_ids, attempt, progress, rev, worker, history } =
    document;
  const story = history.map((entry) => `${entry.at.toISOString().slice(11, 23)} ${entry.status} by ${entry.by}`);
  const shown = {
    _id,
    task_type,
    task_key,
    status,
    created_by,
    subscriber_ids,
    attempt,
    progress,
    rev,
    worker,
    history: story,
  };
  say(`\n  The same task as MongoDB has it (collection ${styled('bold', 'tasks')}):`);
  say(
    JSON.stringify(shown, undefined, 2)
      .split('\n')
      .map((line) => `    ${line}`)
      .join('\n'),
  );
};
