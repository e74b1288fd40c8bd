import { getContext, task, TaskScope } from '@baton/sdk';

export type Dashboard = {
  readonly name: string;
  readonly charts: readonly { readonly title: string; readonly value: number }[];
};

const CHARTS = ['orders', 'revenue', 'returns', 'visitors', 'baskets'];

/** Stands for a query of a warehouse that takes its time. */
const query = async (title: string, signal: AbortSignal): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, 150);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  return title.length * 100;
};

/** One for all who look at it: the key is the dashboard. */
export const refreshDashboard = task(
  { name: 'refresh_dashboard', title: 'Dashboard', scope: TaskScope.Shared, timeout: '1m' },
  async (name: string): Promise<Dashboard> => {
    const { signal, updateTask } = getContext();
    const charts: Dashboard['charts'][number][] = [];
    for (const title of CHARTS) {
      signal.throwIfAborted();
      charts.push({ title, value: await query(title, signal) });
      updateTask({ progress: [charts.length, CHARTS.length], payload: { last: title } });
    }
    return { name, charts };
  },
);

/** Rebuilds an index some time after the last of many edits. */
export const rebuildIndex = task({ name: 'rebuild_index', scope: TaskScope.Shared }, async (edits: number) => edits);
