import type { TaskDocument } from '@baton/protocols';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson, sayTable, type Column } from '../output.ts';
import type { Session } from '../session.ts';

type Entry = TaskDocument['history'][number];

const COLUMNS: readonly Column<Entry>[] = [
  { title: 'AT (UTC)', text: ({ at }) => at.toISOString().replace('T', ' ').replace('Z', '') },
  { title: 'STATUS', text: ({ status }) => status },
  { title: 'ATTEMPT', text: ({ attempt }) => (attempt === 0 ? '' : String(attempt)), align: 'right' },
  { title: 'BY', text: ({ by }) => by, most: 50 },
  { title: 'WHY', text: ({ why }) => why ?? '', most: 80 },
];

/** Every transition: when, who, why (behaviour L10). */
export const history = async (session: Session, id: string): Promise<number> => {
  const { history: entries, history_dropped: dropped } = await session.document(id);
  if (session.json) sayJson({ id, history: entries, history_dropped: dropped });
  else {
    sayTable(COLUMNS, entries, 'no transitions');
    if (dropped > 0) say(`\n${dropped} more in the middle were left out`);
  }
  return exitCodes.ok;
};
