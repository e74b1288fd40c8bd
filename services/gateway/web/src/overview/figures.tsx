import type { ComponentChildren } from 'preact';
import type { QueueFigures, WorkerFigures } from '../api/overview.ts';
import type { QueueSet } from '../api/queues.ts';
import { entriesOf } from '../queues/words.ts';
import { useApp } from '../shell/app-context.ts';
import { numberText } from '../time/progress.ts';
import { durationText } from '../time/durations.ts';

type QueueTableProps = {
  readonly queues: readonly QueueFigures[];
  /** What is set for them, for admins; undefined for others. */
  readonly sets: readonly QueueSet[] | undefined;
  readonly onChanged: () => void;
};

export const QueueTable = ({ queues, sets, onChanged }: QueueTableProps) => (
  <section class="panel" aria-labelledby="queues-heading">
    <header>
      <h2 id="queues-heading">Queues</h2>
    </header>
    {queues.length === 0 ? (
      <p class="muted">No queue has a task or a worker.</p>
    ) : (
      <div class="scroll" tabIndex={0} role="group" aria-label="Queues">
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">Waiting</th>
              <th scope="col">Delayed</th>
              <th scope="col">Running</th>
              <th scope="col">Oldest waits</th>
              <th scope="col">Workers</th>
              <th scope="col">Slots busy</th>
              {sets !== undefined && (
                <th scope="col" class="text">
                  Set
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {queues.map((queue) => (
              <QueueRow key={queue.queue} queue={queue}>
                {sets !== undefined && (
                  <SetCell set={sets.find((set) => set.queue === queue.queue)} onChanged={onChanged} />
                )}
              </QueueRow>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </section>
);

const SetCell = ({ set, onChanged }: { readonly set: QueueSet | undefined; readonly onChanged: () => void }) => {
  const { dialog } = useApp();
  if (set === undefined) return <td class="text">–</td>;
  return (
    <td class="text set">
      {entriesOf(set).map(({ what, by, why }) => (
        <span key={what}>
          {what} <span class="muted">{why === undefined ? `by ${by}` : `by ${by}: ${why}`}</span>
        </span>
      ))}
      <button
        type="button"
        class="button small"
        aria-label={`Change queue ${set.queue}`}
        onClick={() => dialog.set({ kind: 'queue', set, onChanged })}
      >
        Change
      </button>
    </td>
  );
};

type QueueRowProps = { readonly queue: QueueFigures; readonly children: ComponentChildren };

const QueueRow = ({ queue, children }: QueueRowProps) => (
  <tr>
    <th scope="row" class="mono">
      {queue.queue}
    </th>
    <td>{numberText(queue.waiting)}</td>
    <td>{numberText(queue.delayed)}</td>
    <td>{numberText(queue.running)}</td>
    <td>{queue.oldest_waiting_seconds === null ? '–' : durationText(queue.oldest_waiting_seconds)}</td>
    <td>{numberText(queue.workers)}</td>
    <td>
      <Share part={queue.busy} whole={queue.slots} />
    </td>
    {children}
  </tr>
);

const Share = ({ part, whole }: { readonly part: number; readonly whole: number }) => (
  <>
    {`${numberText(part)} of ${numberText(whole)}`}
    <span class="meter" aria-hidden="true">
      <span style={{ transform: `scaleX(${whole === 0 ? 0 : Math.min(1, part / whole)})` }} />
    </span>
  </>
);

export const WorkerTable = ({ workers }: { readonly workers: readonly WorkerFigures[] }) => (
  <section class="panel" aria-labelledby="workers-heading">
    <header>
      <h2 id="workers-heading">Processes</h2>
    </header>
    <div class="scroll" tabIndex={0} role="group" aria-label="Processes">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col" class="text">
              Role
            </th>
            <th scope="col" class="text">
              Host
            </th>
            <th scope="col" class="text">
              State
            </th>
            <th scope="col" class="text">
              Queues
            </th>
            <th scope="col">Slots busy</th>
            <th scope="col">Seen</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.id}>
              <th scope="row" class="mono">
                {worker.id}
              </th>
              <td class="text">{worker.role}</td>
              <td class="text">{worker.host}</td>
              <td class={`text state-${worker.state}`}>{worker.state}</td>
              <td class="text mono">{worker.queues.join(', ') || '–'}</td>
              <td>{worker.role === 'worker' ? <Share part={worker.running} whole={worker.slots} /> : '–'}</td>
              <td>{durationText(worker.seen_seconds_ago)} ago</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
);
