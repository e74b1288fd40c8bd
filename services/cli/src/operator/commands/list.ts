import type { Scope, Status } from '@baton/core';
import type { TaskFilter } from '@baton/mongo';
import type { TaskDocument } from '@baton/protocols';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { documentJson } from '../document-json.ts';
import { durationText, progressText, sayJson, sayTable, timeText, type Column } from '../output.ts';
import type { Session } from '../session.ts';
import { tagFilterIn } from '../tag-options.ts';

export type ListOptions = {
  readonly status?: readonly Status[];
  readonly type?: readonly string[];
  readonly scope?: readonly Scope[];
  readonly createdBy?: readonly string[];
  readonly tag?: readonly string[];
  readonly text?: string;
  readonly limit: number;
  readonly after?: string;
};

const COLUMNS: readonly Column<TaskDocument>[] = [
  { title: 'ID', text: ({ _id }) => _id },
  { title: 'TYPE', text: ({ task_type: type }) => type, most: 24 },
  { title: 'NAME', text: ({ task_name: name }) => name, most: 30 },
  { title: 'STATUS', text: ({ status, not_stopping: stuck }) => (stuck ? `${status} (not stopping)` : status) },
  { title: 'PROGRESS', text: ({ progress }) => progressText(progress), most: 24 },
  { title: 'BY', text: ({ created_by: user }) => user ?? '', most: 16 },
  { title: 'CREATED (UTC)', text: ({ created_at: at }) => timeText(at) },
  { title: 'TOOK', text: ({ started_at: from, ended_at: to }) => durationText(from, to), align: 'right' },
];

/** Newest first. */
export const list = async (session: Session, options: ListOptions): Promise<number> => {
  const views = await session.views();
  const { limit, after } = options;
  const page = { size: limit, ...(after === undefined ? {} : { after }) };
  const { documents, next } = await views.list(filterOf(session, options), page);
  if (session.json) sayJson({ result: documents.map(documentJson), next_cursor: next ?? null });
  else {
    sayTable(COLUMNS, documents, 'no tasks');
    if (next !== undefined) say(`\nmore: --after ${next}`);
  }
  return exitCodes.ok;
};

export const filterOf = (
  { actor }: Session,
  { status, type, scope, createdBy, tag, text }: Partial<ListOptions>,
): TaskFilter => ({
  ...(status === undefined ? {} : { status }),
  ...(type === undefined ? {} : { type }),
  ...(scope === undefined ? {} : { scope }),
  ...(createdBy === undefined ? {} : { createdBy }),
  ...(tag === undefined ? {} : { tags: tagFilterIn(tag) }),
  ...(text === undefined ? {} : { text }),
  // Those of Baton's own are about the others, and listed for who names their type.
  ...(type === undefined ? { notOwn: true } : {}),
  ...(actor.admin ? {} : { visibleTo: actor.user ?? '' }),
});
