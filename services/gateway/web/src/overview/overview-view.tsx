import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { loadOverview, loadWorkers, type Overview, type WorkerFigures } from '../api/overview.ts';
import { EVERYTHING } from '../list/query.ts';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { type TimeWindow, WINDOWS } from '../shell/route.ts';
import { StatusIcon } from '../task/status.tsx';
import { STATUSES, statusWord } from '../task/task.ts';
import { numberText } from '../time/progress.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { OutcomeChart, ThroughputChart } from './charts.tsx';
import { QueueTable, WorkerTable } from './figures.tsx';

const EVERY_MS = 5_000;

type Figures = { readonly overview: Overview; readonly workers: readonly WorkerFigures[] | undefined };

export const OverviewView = ({ window }: { readonly window: TimeWindow }) => {
  const { figures, fault } = useFigures(window);
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
      {figures !== undefined && <Shown {...figures} />}
    </section>
  );
};

/** Asked for again every five seconds, which is how long the server keeps them, while somebody looks. */
const useFigures = (window: TimeWindow) => {
  const { server, session } = useApp();
  const [figures, setFigures] = useState<Figures>();
  const [fault, setFault] = useState<ApiError>();
  useEffect(() => {
    const stopped = new AbortController();
    const load = async (): Promise<void> => {
      if (document.visibilityState === 'hidden') return;
      try {
        const [overview, workers] = await Promise.all([
          loadOverview(server, window, stopped.signal),
          session.admin ? loadWorkers(server, stopped.signal) : undefined,
        ]);
        setFigures({ overview, workers });
        setFault(undefined);
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setFault(error);
      }
    };
    void load();
    const timer = setInterval(() => void load(), EVERY_MS);
    return () => {
      clearInterval(timer);
      stopped.abort();
    };
  }, [window]);
  return { figures, fault };
};

const Shown = ({ overview, workers }: Figures) => (
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
    <QueueTable queues={overview.queues} />
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
