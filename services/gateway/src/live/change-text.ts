import { isSubscriber } from '@baton/core';
import { rowJson, taskJson, type Looking } from '../tasks/task-json.ts';
import { writeEventId } from './event-id.ts';
import { eventText } from './event-text.ts';
import type { LiveTask } from './live-task.ts';
import type { Change, ChangeKind } from './recent-changes.ts';

type Detail = 'row' | 'task';

/** Texts of one change. Those who may do the same with the task get the same text, made once. */
const made = new WeakMap<Change, Map<string, string>>();

export const changeText = (change: Change, detail: Detail, looking: Looking): string => {
  const { record } = change.task;
  const { actor } = looking;
  const key = `${detail} ${actor.admin} ${isSubscriber(record, actor)} ${record.creator === actor.user}`;
  const texts = made.get(change) ?? new Map<string, string>();
  made.set(change, texts);
  let text = texts.get(key);
  if (text === undefined) {
    text = taskText(change.task, change.kind, detail, looking);
    texts.set(key, text);
  }
  return text;
};

/** `current`: the state at the beginning, not a change. */
export const taskText = (task: LiveTask, change: ChangeKind | 'current', detail: Detail, looking: Looking): string => {
  const { document: row, record } = task;
  const shown = detail === 'row' ? rowJson({ row, record }, looking) : taskJson(row, looking, record);
  return eventText('task', { change, task: shown }, writeEventId(task));
};
