import type { ApiError } from '../api/http.ts';
import { useApp } from '../shell/app-context.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { useStore } from '../ui/store.ts';
import { EVERYTHING, isFiltered } from './query.ts';

export const EmptyList = () => {
  const { list, router, dialog, embedded } = useApp();
  const query = useStore(list.state, (state) => state.query);
  if (isFiltered(query)) {
    return (
      <EmptyState icon="search" title="No task fits the filter">
        <p>Another word, another status, or no filter at all may show what you look for.</p>
        <button type="button" class="button" onClick={() => router.go({ view: 'list', query: EVERYTHING })}>
          Clear filters
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="inbox" title="No tasks yet">
      <p>Tasks you schedule, and shared ones you join, appear here as they run.</p>
      {!embedded && (
        <button type="button" class="button primary" onClick={() => dialog.set({ kind: 'schedule' })}>
          Schedule a task
        </button>
      )}
    </EmptyState>
  );
};

export const ListFault = ({ fault }: { readonly fault: ApiError }) => {
  const { list } = useApp();
  const isOffline = fault.status === 0;
  return (
    <EmptyState
      icon={isOffline ? 'offline' : 'alert'}
      title={isOffline ? 'No connection' : 'The tasks cannot be shown'}
    >
      <p role="alert">{fault.message}</p>
      <button type="button" class="button" onClick={list.refresh}>
        Try again
      </button>
    </EmptyState>
  );
};
