import type { TaskDocument } from '@baton/protocols';
import { whyOfEnded, type Why } from '@baton/core';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { plain, sayFields, sayJson, timeText } from '../output.ts';
import type { Session } from '../session.ts';

/** Why a task waits (behaviour Q9): a sentence for each reason, and its place in the queue. */
export const why = async (session: Session, id: string): Promise<number> => {
  const { document, handle } = await session.task(id);
  const found = handle === undefined ? ended(document) : await handle.why();
  if (session.json) sayJson(found);
  else show(found);
  return exitCodes.ok;
};

const ended = ({ _id, status, task_type, queue, priority }: TaskDocument): Why =>
  whyOfEnded({ id: _id, status, type: task_type, queue, priority, now: Date.now() });

const show = ({ text, status, queue, priority, group, since, position, queueWaits, expectedStart }: Why): void => {
  for (const sentence of text) say(plain(sentence));
  say('');
  sayFields({
    status,
    queue: `${queue}, ${priority}`,
    group,
    'waits since': since === undefined ? undefined : `${timeText(new Date(since))} UTC`,
    position: position === undefined ? undefined : `${position}, of ${queueWaits} that wait`,
    'expected start': expectedStart === undefined ? undefined : `${timeText(new Date(expectedStart))} UTC`,
  });
};
