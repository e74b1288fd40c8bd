import { priorityWord } from '../task/priority.ts';
import type { TaskDetail } from '../task/task.ts';
import { Icon } from '../ui/icons.tsx';
import { Counts, Filters } from './bulk-parts.tsx';
import { BULK_TYPE, hasAllSaid, type KeptOrder, orderIn, reportOf } from './report.ts';
import { workText } from './run-words.ts';
import { filterLines, foundText, titleOf } from './words.ts';

/** The order of a task that is an operation on many, where this page can read it. */
export const bulkOrderOf = ({ type, args }: Pick<TaskDetail, 'type' | 'args'>): KeptOrder | undefined =>
  type === BULK_TYPE ? orderIn(args) : undefined;

/** On the page of its task: what was asked for, and what has come of it by now. */
export const BulkPanel = ({ task, order }: { readonly task: TaskDetail; readonly order: KeptOrder }) => {
  const { operation, isDry, filter, priority, force, admin } = order;
  const report = reportOf(task);
  const lines = [
    ...filterLines(filter),
    ...(priority === undefined ? [] : [{ name: 'Priority', value: priorityWord(priority) }]),
    ...(force ? [{ name: 'Force', value: 'for everyone who waits for them' }] : []),
    { name: 'Tasks', value: admin ? 'of all users, by an admin' : 'that its user may see' },
  ];
  return (
    <section class="panel bulk-panel" aria-label="Operation">
      <header>
        <h2>
          <Icon name="list" />
          {titleOf(operation)}
        </h2>
        {isDry && <span class="tag">Dry run</span>}
      </header>
      <Filters lines={lines} />
      <p>
        <strong>{isDry ? dryText(task) : taskText(task, order)}</strong>
      </p>
      {report !== undefined && report.matched > 0 && <Counts report={report} />}
    </section>
  );
};

const dryText = (task: TaskDetail): string => {
  const report = reportOf(task);
  if (!hasAllSaid(task)) return 'Counting what matches…';
  return task.status === 'success' && report !== undefined ? foundText(report) : 'It was not counted to its end.';
};

const taskText = (task: TaskDetail, { operation }: KeptOrder): string =>
  task.status === 'pending' ? 'It has not begun.' : workText(task, operation, hasAllSaid(task));
