import { loadOverview, loadWorkers, type Overview, type WorkerFigures } from '../api/overview.ts';
import { loadQueues, type QueueSet } from '../api/queues.ts';
import { EVERYTHING } from '../list/query.ts';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { type TimeWindow, WINDOWS } from '../shell/route.ts';
import { StatusIcon } from '../task/status.tsx';
import { STATUSES, statusWord } from '../task/task.ts';
import { numberText } from '../time/progress.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { usePolled } from '../ui/polled.ts';
import { OutcomeChart, ThroughputChart } from './charts.tsx';
import { QueueTable, WorkerTable } from './figures.tsx';

type Figures = {
  readonly overview: Overview;
  readonly workers: readonly WorkerFigures[] | undefined;
  readonly sets: readonly QueueSet[] | undefined;
};

export const OverviewView = ({ window }: { readonly window: TimeWindow }) => {
  const { value: figures, fault, reload } = useFigures(window);
  return (
    <section class="overview" aria-labelledby="overview-heading">
      <header class="view-header">
        <h1 id="overview-heading">Overview</h1>
        <span class="grow" />
        <nav class="segmented" aria-label="Time">
          {WINDOWS.map((each) => (
            <Link key={each} to={{ view: 'overview', window: each }} current={each === window}>
              {each}
            </Link>
          ))}
        </nav>
      </header>
      {figures === undefined && fault === undefined && <Loading />}
      {figures === undefined && fault !== undefined && (
        <EmptyState icon="alert" title="The figures cannot be shown">
          <p role="alert">{fault.message}</p>
        </EmptyState>
      )}
      {figures !== undefined && <Shown {...figures} onChanged={reload} />}
    </section>
  );
};

const useFigures = (window: TimeWindow) => {
  const { server, session } = useApp();
  return usePolled(async (signal): Promise<Figures> => {
    const [overview, workers, sets] = await Promise.all([
      loadOverview(server, window, signal),
      session.admin ? loadWorkers(server, signal) : undefined,
      session.admin ? loadQueues(server, signal) : undefined,
    ]);
    return { overview, workers, sets };
  }, window);
};

const Shown = ({ overview, workers, sets, onChanged }: Figures & { readonly onChanged: () => void }) => (
  <>
    <ul class="tiles">
      {STATUSES.map((status) => (
        <li key={status}>
          <Link to={{ view: 'list', query: { ...EVERYTHING, status: [status] } }}>
            <span class="name">
              <StatusIcon status={status} size={14} />
              {statusWord(status)}
            </span>
            <span class="figure">{numberText(overview.byStatus[status])}</span>
          </Link>
        </li>
      ))}
    </ul>
    <div class="charts">
      <ThroughputChart buckets={overview.buckets} />
      <OutcomeChart buckets={overview.buckets} />
    </div>
    <QueueTable queues={overview.queues} sets={sets} onChanged={onChanged} />
    {workers !== undefined && <WorkerTable workers={workers} />}
  </>
);

const Loading = () => (
  <div class="task-loading" aria-busy="true">
    <span class="bone title" />
    <span class="bone" />
    <span class="bone" />
  </div>
);
