import { Popover } from '../ui/popover.tsx';
import { Icon } from '../ui/icons.tsx';
import { JsonView } from '../ui/json-view.tsx';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import type { Task } from '../task/task.ts';
import { ServedElsewhere } from '../task/served-elsewhere.tsx';
import { WaitingInfo } from '../task/waiting.tsx';
import { warningsOf } from '../task/warnings.ts';

/** The signs of a row that open: a warning, the payload, an error. */
export const DetailsCell = ({ task }: { readonly task: Task }) => (
  <span class="signs">
    <WarningSign task={task} />
    <WaitingSign task={task} />
    <PayloadSign task={task} />
    <ErrorSign task={task} />
  </span>
);

const SIGN = 'button quiet small icon';

const WarningSign = ({ task }: { readonly task: Task }) => {
  const warnings = warningsOf(task);
  const [first] = warnings;
  if (first === undefined) return null;
  return (
    <Popover
      label="Warnings"
      class="info"
      align="end"
      triggerClass={`${SIGN} warning`}
      triggerLabel={`Warning for ${task.name}: ${first.title}`}
      tip={first.title}
      trigger={<Icon name="alert" />}
    >
      {() =>
        warnings.map(({ title, text, isUnserved }) => (
          <section key={title}>
            <h2>{title}</h2>
            <p class="muted">
              {text}
              {isUnserved && <ServedElsewhere task={task} />}
            </p>
          </section>
        ))
      }
    </Popover>
  );
};

/** Nobody is asked why it waits before it is opened. */
const WaitingSign = ({ task }: { readonly task: Task }) => {
  if (task.status !== 'pending') return null;
  return (
    <Popover
      label="Why it waits"
      class="info"
      align="end"
      triggerClass={SIGN}
      triggerLabel={`Why ${task.name} waits`}
      tip="Why it waits"
      trigger={<Icon name="clock" />}
    >
      {() => <WaitingInfo task={task} />}
    </Popover>
  );
};

const PayloadSign = ({ task }: { readonly task: Task }) => {
  if (task.payload === undefined && !task.payloadOmitted) return null;
  return (
    <Popover
      label="Payload"
      class="info"
      align="end"
      triggerClass={SIGN}
      triggerLabel={`Payload of ${task.name}`}
      tip="Payload"
      trigger={<Icon name="payload" />}
    >
      {() => (
        <>
          <h2>Payload</h2>
          {task.payloadOmitted ? <TooLarge task={task} /> : <JsonView value={task.payload} label="Payload" />}
        </>
      )}
    </Popover>
  );
};

const TooLarge = ({ task }: { readonly task: Task }) => (
  <p>
    It is too large for the list. <Link to={{ view: 'task', uuid: task.uuid }}>Open the task</Link> to read it.
  </p>
);

const ErrorSign = ({ task }: { readonly task: Task }) => {
  const { session } = useApp();
  if (task.errorMessage === undefined) return null;
  return (
    <Popover
      label="Error"
      class="info"
      align="end"
      triggerClass={`${SIGN} fault`}
      triggerLabel={`Error of ${task.name}`}
      tip="Error"
      trigger={<Icon name="bug" />}
    >
      {() => (
        <>
          <h2>{task.exceptionType ?? 'Error'}</h2>
          <p class="error-text">{task.errorMessage}</p>
          {task.stackTrace !== undefined && (
            <pre class="trace" tabIndex={0} aria-label="Stack trace">
              {task.stackTrace}
            </pre>
          )}
          {task.stackTrace === undefined && session.admin && (
            <p class="faint">Stack traces are shown when SHOW_STACKTRACE is on.</p>
          )}
        </>
      )}
    </Popover>
  );
};
