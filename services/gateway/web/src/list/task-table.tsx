import { useApp } from '../shell/app-context.ts';
import { Icon } from '../ui/icons.tsx';
import { useStore } from '../ui/store.ts';
import { PAGE_SIZE } from './list-state.ts';
import type { ListQuery, SortBy } from './query.ts';
import { TaskRow } from './task-row.tsx';

type Column = { readonly name: string; readonly class: string; readonly sort?: SortBy };

/** The columns of the framework's own list, in its order and words. */
const COLUMNS: readonly Column[] = [
  { name: 'Task', class: 'cell-task' },
  { name: 'Status', class: 'cell-status', sort: 'status' },
  { name: 'Type', class: 'cell-type', sort: 'task_type' },
  { name: 'Scope', class: 'cell-scope', sort: 'scope' },
  { name: 'Subscribers', class: 'cell-subscribers' },
  { name: 'Created', class: 'cell-created', sort: 'created_on' },
  { name: 'Duration', class: 'cell-duration' },
  { name: 'Details', class: 'cell-details' },
  { name: 'Actions', class: 'cell-actions' },
];

export const TaskTable = () => {
  const { list } = useApp();
  const rows = useStore(list.state, (state) => state.rows);
  const phase = useStore(list.state, (state) => state.phase);
  const isFirstLoad = phase === 'loading' && rows.length === 0;
  // The roles are said, since a narrow window shows rows as cards, and then browsers forget that this is a table.
  return (
    <table role="table" class={phase === 'loading' ? 'tasks loading' : 'tasks'} aria-busy={phase === 'loading'}>
      <caption class="hidden-text">Tasks</caption>
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map((column) => (
            <Heading key={column.name} {...column} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {isFirstLoad ? <SkeletonRows /> : rows.map((row) => <TaskRow key={row.task.uuid} row={row} />)}
      </tbody>
    </table>
  );
};

const Heading = ({ name, class: cell, sort }: Column) => {
  const { list, router } = useApp();
  const query = useStore(list.state, (state) => state.query);
  if (sort === undefined) {
    return (
      <th role="columnheader" scope="col" class={cell}>
        {name}
      </th>
    );
  }
  const isSorted = query.sortBy === sort;
  const direction = query.descending ? 'descending' : 'ascending';
  return (
    <th role="columnheader" scope="col" class={cell} aria-sort={isSorted ? direction : 'none'}>
      <button type="button" class="sort" onClick={() => router.go({ view: 'list', query: sorted(query, sort) })}>
        {name}
        {isSorted && <Icon name={query.descending ? 'arrowDown' : 'arrowUp'} size={12} />}
      </button>
    </th>
  );
};

/** Times begin with the newest, words with A; a second press turns it round. */
const sorted = (query: ListQuery, sortBy: SortBy): ListQuery => ({
  ...query,
  sortBy,
  descending: query.sortBy === sortBy ? !query.descending : sortBy === 'created_on',
});

const SkeletonRows = () => (
  <>
    {Array.from({ length: PAGE_SIZE }, (_, index) => (
      <tr key={index} role="row" class="skeleton" aria-hidden="true">
        {COLUMNS.map((column) => (
          <td key={column.name} role="cell" class={column.class}>
            <span />
          </td>
        ))}
      </tr>
    ))}
  </>
);
