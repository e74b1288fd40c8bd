import { useEffect, useState } from 'preact/hooks';
import { BulkPanel, bulkOrderOf } from '../bulk/bulk-panel.tsx';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { useShortcuts } from '../shell/shortcuts.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { Icon } from '../ui/icons.tsx';
import { AbortProof } from './abort-proof.tsx';
import { askToCancel, askToRetry } from './actions.tsx';
import { cancelChoice } from './cancel-choice.ts';
import { CopyButton } from './copy-button.tsx';
import { DataPanel, LargePanel } from './data-panel.tsx';
import { Facts } from './facts.tsx';
import { ProgressBar } from './progress-bar.tsx';
import { ServedElsewhere } from './served-elsewhere.tsx';
import { StatusBadge } from './status.tsx';
import { waitingText, type TaskDetail } from './task.ts';
import { useTask } from './task-model.ts';
import { Timeline } from './timeline.tsx';
import { Waiting } from './waiting.tsx';
import { warningsOf } from './warnings.ts';

export const TaskView = ({ uuid }: { readonly uuid: string }) => {
  const { router, list, toasts, leftTask } = useApp();
  const back = { view: 'list', query: list.state.get().query } as const;
  const [attempt, setAttempt] = useState(0);
  const state = useTask(uuid, attempt, () => {
    toasts.good('You do not see this task any more');
    router.go(back);
  });
  useShortcuts({ Escape: () => router.go(back) });
  useEffect(
    () => () => {
      if (router.route.get().view === 'list') leftTask.set(uuid);
    },
    [],
  );
  return (
    <section class="task-view" aria-label="Task">
      <Link class="back" to={back}>
        <Icon name="arrowLeft" size={14} />
        Tasks
      </Link>
      {state.kind === 'loading' && <LoadingTask />}
      {state.kind === 'missing' && <MissingTask />}
      {state.kind === 'failed' && (
        <EmptyState icon="alert" title="The task cannot be shown" whole>
          <p role="alert">{state.fault.message}</p>
          <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
            Try again
          </button>
        </EmptyState>
      )}
      {state.kind === 'shown' && <Shown task={state.task} />}
    </section>
  );
};

const LoadingTask = () => (
  <div class="task-loading" aria-busy="true">
    <h1 class="hidden-text">Loading the task</h1>
    <span class="bone title" />
    <span class="bone" />
    <span class="bone" />
  </div>
);

const MissingTask = () => (
  <EmptyState icon="search" title="No such task" whole>
    <p>It does not exist, it was pruned, or you may not see it.</p>
  </EmptyState>
);

const Shown = ({ task }: { readonly task: TaskDetail }) => (
  <>
    <Header task={task} />
    {warningsOf(task).map(({ title, text, isUnserved }) => (
      <p key={title} class="notice">
        <Icon name="alert" />
        <span>
          <strong>{title}.</strong> {text}
          {isUnserved && <ServedElsewhere task={task} />}
        </span>
      </p>
    ))}
    <Prerequisites task={task} />
    <div class="task-columns">
      <div class="main-column">
        {task.status === 'pending' && <Waiting task={task} />}
        {task.errorMessage !== undefined && <ErrorPanel task={task} />}
        {task.abort !== undefined && <AbortProof task={task} abort={task.abort} />}
        <Outcome task={task} />
        {task.argsSize === undefined ? (
          <DataPanel title="Arguments" value={task.args} none="No arguments" />
        ) : (
          <LargePanel title="Arguments" task={task} part="args" size={task.argsSize} />
        )}
        <Timeline task={task} />
      </div>
      <Facts task={task} />
    </div>
  </>
);

const Outcome = ({ task }: { readonly task: TaskDetail }) => {
  const order = bulkOrderOf(task);
  if (order !== undefined) return <BulkPanel task={task} order={order} />;
  return (
    <>
      {task.resultSize === undefined ? (
        <DataPanel title="Result" value={task.result} />
      ) : (
        <LargePanel title="Result" task={task} part="result" size={task.resultSize} />
      )}
      <DataPanel title="Payload" value={task.payload} />
    </>
  );
};

const Prerequisites = ({ task }: { readonly task: TaskDetail }) => {
  const text = waitingText(task);
  if (text === undefined) return null;
  return (
    <p class="notice calm">
      <Icon name="clock" />
      <span>{text}.</span>
    </p>
  );
};

const Header = ({ task }: { readonly task: TaskDetail }) => (
  <header class="task-header">
    <div class="title">
      <h1>{task.name}</h1>
      <p class="sub">
        <StatusBadge status={task.status} />
        <span class="mono muted">{task.type}</span>
        <span class="mono muted id">{task.uuid}</span>
        <CopyButton text={task.uuid} label="Copy the id" />
      </p>
    </div>
    <Actions task={task} />
    {task.progress !== undefined && (
      <div class={`progress-line ${task.status}`}>
        <ProgressBar
          progress={task.progress}
          label={`Progress of ${task.name}`}
          startedAt={task.startedAt}
          running={task.status === 'in_progress'}
        />
      </div>
    )}
  </header>
);

const Actions = ({ task }: { readonly task: TaskDetail }) => {
  const app = useApp();
  const choice = cancelChoice(task);
  useShortcuts({
    c: () => askToCancel(app, task),
    r: () => (task.mayRetry ? askToRetry(app, task) : false),
  });
  const reason = choice.kind === 'blocked' ? choice.reason : undefined;
  return (
    <div class="actions">
      {task.waitingFor?.signal !== undefined && task.maySignal && (
        <span>
          <button type="button" class="button primary" onClick={() => app.dialog.set({ kind: 'signal', task })}>
            <Icon name="send" />
            Send signal
          </button>
        </span>
      )}
      <span>
        {choice.kind !== 'none' && (
          <>
            <button
              type="button"
              class="button"
              aria-disabled={reason !== undefined}
              aria-describedby={reason === undefined ? undefined : 'cancel-reason'}
              data-tip={reason}
              onClick={() => askToCancel(app, task)}
            >
              <Icon name="stop" />
              Cancel
            </button>
            {reason !== undefined && (
              <span id="cancel-reason" class="hidden-text">
                {reason}
              </span>
            )}
          </>
        )}
      </span>
      <span>
        {task.mayRetry && (
          <button type="button" class="button" onClick={() => askToRetry(app, task)}>
            <Icon name="retry" />
            Retry
          </button>
        )}
      </span>
    </div>
  );
};

const ErrorPanel = ({ task }: { readonly task: TaskDetail }) => (
  <section class="panel fault" aria-label="Error">
    <header>
      <h2>
        <Icon name="bug" />
        {task.exceptionType ?? 'Error'}
      </h2>
      <CopyButton text={[task.errorMessage, task.stackTrace].join('\n')} label="Copy the error" />
    </header>
    <p class="error-text">{task.errorMessage}</p>
    {task.stackTrace !== undefined && (
      <pre class="trace" tabIndex={0} aria-label="Stack trace">
        {task.stackTrace}
      </pre>
    )}
  </section>
);
