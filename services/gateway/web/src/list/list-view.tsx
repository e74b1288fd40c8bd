import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../shell/app-context.ts';
import { LiveDot } from '../shell/connection.tsx';
import { useShortcuts } from '../shell/shortcuts.ts';
import { Icon } from '../ui/icons.tsx';
import { useStore } from '../ui/store.ts';
import { numberText } from '../time/progress.ts';
import { EmptyList, ListFault } from './empty-list.tsx';
import { FilterBar } from './filter-bar.tsx';
import { FRESH_LIMIT } from './list-state.ts';
import { useRowKeys } from './row-keys.ts';
import type { ListQuery } from './query.ts';
import { TaskTable } from './task-table.tsx';

export const ListView = ({ query }: { readonly query: ListQuery }) => {
  const { list, dialog, embedded } = useApp();
  const searchField = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLDivElement>(null);
  useEffect(() => list.show(query), [query]);
  useShortcuts({
    '/': () => searchField.current?.focus(),
    '[': list.previousPage,
    ']': list.nextPage,
    '.': list.refresh,
  });
  useRowKeys(table);
  useReturn(table);

  return (
    <section class="list-view" aria-labelledby="tasks-heading">
      <header class="view-header">
        <h1 id="tasks-heading">Tasks</h1>
        <Count />
        <FreshPill />
        <span class="grow" />
        {embedded && <LiveDot />}
        {!embedded && (
          <button type="button" class="button primary" onClick={() => dialog.set({ kind: 'schedule' })}>
            <Icon name="plus" />
            Schedule a task
          </button>
        )}
      </header>
      <FilterBar query={query} searchField={searchField} />
      <div ref={table} class="table-frame">
        <Content />
      </div>
      <Pages />
    </section>
  );
};

/** Back from a task: to its row, if that is still there, so that a keyboard goes on where it was. */
const useReturn = (table: RefObject<HTMLElement | null>): void => {
  const { leftTask } = useApp();
  useEffect(() => {
    const uuid = leftTask.get();
    leftTask.set(undefined);
    if (uuid === undefined) return undefined;
    // After the page has been scrolled to the top of its new view.
    const frame = requestAnimationFrame(() => {
      const name = table.current?.querySelector<HTMLElement>(`tr[data-uuid="${uuid}"] .name`);
      name?.focus({ preventScroll: true });
      name?.closest('tr')?.scrollIntoView({ block: 'nearest' });
    });
    return () => cancelAnimationFrame(frame);
  }, []);
};

const Content = () => {
  const { list } = useApp();
  const phase = useStore(list.state, (state) => state.phase);
  const isEmpty = useStore(list.state, (state) => state.rows.length === 0);
  const fault = useStore(list.state, (state) => state.fault);
  if (isEmpty && fault !== undefined) return <ListFault fault={fault} />;
  if (isEmpty && phase === 'ready') return <EmptyList />;
  return <TaskTable />;
};

const Count = () => {
  const { list, announcer } = useApp();
  const count = useStore(list.state, (state) => state.count);
  const exact = useStore(list.state, (state) => state.countExact);
  const phase = useStore(list.state, (state) => state.phase);
  const words = `${numberText(count)}${exact ? '' : '+'}`;
  useEffect(() => {
    if (phase === 'ready') announcer.say(count === 1 ? '1 task' : `${words} tasks`);
  }, [phase]);
  return <span class="count muted">{phase === 'loading' && count === 0 ? '' : words}</span>;
};

/** New tasks wait here, so that nothing moves under the reader's hand. */
const FreshPill = () => {
  const { list, announcer } = useApp();
  const fresh = useStore(list.state, (state) => state.fresh);
  const left = useStore(list.state, (state) => state.rows.some((row) => row.left));
  const words = fresh >= FRESH_LIMIT ? `${FRESH_LIMIT - 1}+ new` : `${fresh} new`;
  useEffect(() => {
    if (fresh > 0) announcer.say(`${words} tasks`);
  }, [fresh > 0]);
  if (fresh === 0 && !left) return null;
  return (
    <button type="button" class="fresh-pill" onClick={list.refresh}>
      <Icon name={fresh > 0 ? 'arrowUp' : 'retry'} size={12} />
      {fresh > 0 ? words : 'Update the list'}
    </button>
  );
};

const Pages = () => {
  const { list } = useApp();
  const page = useStore(list.state, (state) => state.page);
  const next = useStore(list.state, (state) => state.next);
  if (page === 1 && next === undefined) return null;
  return (
    <nav class="pages" aria-label="Pages">
      <button type="button" class="button small" aria-disabled={page === 1} onClick={list.previousPage}>
        <Icon name="chevronLeft" size={12} />
        Previous
      </button>
      <span class="muted">Page {page}</span>
      <button type="button" class="button small" aria-disabled={next === undefined} onClick={list.nextPage}>
        Next
        <Icon name="chevronRight" size={12} />
      </button>
    </nav>
  );
};
