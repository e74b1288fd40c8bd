import { useEffect } from 'preact/hooks';
import { BulkDialog } from '../bulk/bulk-dialog.tsx';
import { ListView } from '../list/list-view.tsx';
import { EVERYTHING } from '../list/query.ts';
import { OverviewView } from '../overview/overview-view.tsx';
import { QueueDialog } from '../queues/queue-dialog.tsx';
import { ScheduleDialog } from '../schedule/schedule-dialog.tsx';
import { SchedulesView } from '../schedules/schedules-view.tsx';
import { CancelDialog } from '../task/cancel-dialog.tsx';
import { SignalDialog } from '../task/signal-dialog.tsx';
import { RetryDialog } from '../task/retry-dialog.tsx';
import { TaskView } from '../task/task-view.tsx';
import { LiveRegion } from '../ui/announcer.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { useStore } from '../ui/store.ts';
import { ToastList } from '../ui/toasts.tsx';
import { useTooltips } from '../ui/tooltip.tsx';
import { type App, AppProvider, useApp } from './app-context.ts';
import { ConnectionBanner } from './connection.tsx';
import { Link } from './link.tsx';
import type { Route } from './route.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { useShortcuts } from './shortcuts.ts';
import { TopBar } from './top-bar.tsx';

/** Everything on the page: the bar, the view of the present route, and what lies above it. */
export const Shell = ({ app }: { readonly app: App }) => {
  const { root, tooltip } = useTooltips();
  return (
    <AppProvider value={app}>
      <div ref={root} class={app.embedded ? 'baton embedded' : 'baton page'}>
        <div class="app">
          {!app.embedded && (
            <>
              <a class="skip-link" href="#content">
                Skip to the content
              </a>
              <TopBar />
            </>
          )}
          <ConnectionBanner />
          <Body />
        </div>
        <OpenDialog />
        <ToastList toasts={app.toasts} />
        <LiveRegion announcer={app.announcer} />
        {tooltip}
      </div>
    </AppProvider>
  );
};

const Body = () => {
  const app = useApp();
  const route = useStore(app.router.route, (value) => value);
  usePageKeys(app);
  useEffect(() => {
    if (app.embedded) return;
    document.title = titleOf(route);
    if (route.view !== 'list') app.list.show(app.list.state.get().query); // the stream tells whether the server is there
    scrollTo(0, 0);
  }, [route.view, route.view === 'task' ? route.uuid : '']);
  const view = <View route={route} />;
  if (app.embedded) return <div class="page-body">{view}</div>;
  return (
    <main class="page-body" id="content" tabIndex={-1}>
      {view}
    </main>
  );
};

const usePageKeys = ({ router, dialog, list }: App): void =>
  useShortcuts({
    '?': () => dialog.set({ kind: 'shortcuts' }),
    n: () => dialog.set({ kind: 'schedule' }),
    t: () => router.go({ view: 'list', query: list.state.get().query }),
    o: () => router.go({ view: 'overview', window: '1h' }),
    s: () => router.go({ view: 'schedules' }),
  });

const titleOf = (route: Route): string => {
  switch (route.view) {
    case 'list':
      return 'Tasks · Baton';
    case 'task':
      return 'Task · Baton';
    case 'overview':
      return 'Overview · Baton';
    case 'schedules':
      return 'Schedules · Baton';
    case 'nowhere':
      return 'Not found · Baton';
  }
};

const View = ({ route }: { readonly route: Route }) => {
  switch (route.view) {
    case 'list':
      return <ListView query={route.query} />;
    case 'task':
      return <TaskView key={route.uuid} uuid={route.uuid} />;
    case 'overview':
      return <OverviewView window={route.window} />;
    case 'schedules':
      return <SchedulesView />;
    case 'nowhere':
      return (
        <EmptyState icon="search" title="There is nothing here" whole>
          <p>The address leads nowhere.</p>
          <Link class="button" to={{ view: 'list', query: EVERYTHING }}>
            To the tasks
          </Link>
        </EmptyState>
      );
  }
};

const OpenDialog = () => {
  const { dialog } = useApp();
  const request = useStore(dialog, (value) => value);
  switch (request?.kind) {
    case undefined:
      return null;
    case 'cancel':
      return <CancelDialog task={request.task} />;
    case 'retry':
      return <RetryDialog task={request.task} />;
    case 'signal':
      return <SignalDialog task={request.task} />;
    case 'bulk':
      return <BulkDialog operation={request.operation} query={request.query} />;
    case 'schedule':
      return <ScheduleDialog type={request.type} />;
    case 'queue':
      return <QueueDialog set={request.set} onChanged={request.onChanged} />;
    case 'shortcuts':
      return <ShortcutsDialog />;
  }
};
