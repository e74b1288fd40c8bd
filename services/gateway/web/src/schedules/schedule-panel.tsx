import { useId, useState } from 'preact/hooks';
import { changeSchedule, type ScheduleChange, type ScheduleEvent, type ScheduleFigures } from '../api/schedules.ts';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { wordsOf } from '../task/actions.tsx';
import { shortId } from '../task/task.ts';
import { RelativeTime } from '../task/times.tsx';
import { exactText } from '../time/durations.ts';
import { numberText } from '../time/progress.ts';
import { Icon } from '../ui/icons.tsx';
import { randomId } from '../ui/random-id.ts';
import { eventText, timesText } from './words.ts';

type Props = { readonly schedule: ScheduleFigures; readonly onChanged: () => void };

/** One schedule: what it starts and when, and what has become of it. */
export const SchedulePanel = ({ schedule, onChanged }: Props) => {
  const heading = useId();
  const { name, type, paused, next, owner, skipDates, overlap } = schedule;
  return (
    <section class="panel" aria-labelledby={heading}>
      <header>
        <h2 id={heading} class="mono">
          {name}
        </h2>
        <span class="grow" />
        <Actions schedule={schedule} onChanged={onChanged} />
      </header>
      <p class="when">
        <span class="mono">{timesText(schedule)}</span>
        <span class="muted">
          {' '}
          starts <span class="mono">{type}</span>
          {owner !== undefined && ` for ${owner}`}
          {`, ${OVERLAP[overlap] ?? overlap}`}
          {skipDates.length > 0 && `, not on ${numberText(skipDates.length)} dates`}
        </span>
      </p>
      {paused === undefined ? (
        <p>
          {next[0] === undefined ? (
            <span class="muted">It does not fire again.</span>
          ) : (
            <>
              Next <RelativeTime at={next[0]} /> <span class="muted">{exactText(next[0])}</span>
            </>
          )}
        </p>
      ) : (
        <p class="paused">
          <Icon name="stop" /> Paused by {paused.by} <RelativeTime at={paused.at} />
          {paused.why !== undefined && `: ${paused.why}`}
        </p>
      )}
      <p class="muted">
        {`${numberText(schedule.started)} started, ${numberText(schedule.skipped)} skipped`}
        {schedule.waiting > 0 && `, ${numberText(schedule.waiting)} waiting`}
      </p>
      {next.length > 0 && (
        <details>
          <summary>{`Next ${next.length} times, in your time zone`}</summary>
          <ol class="times">
            {next.map((at) => (
              <li key={at}>
                {exactText(at)} <span class="muted">{<RelativeTime at={at} />}</span>
              </li>
            ))}
          </ol>
        </details>
      )}
      {schedule.history.length > 0 && (
        <details>
          <summary>What happened</summary>
          <ol class="events" reversed>
            {schedule.history.map((event, i) => (
              <Event key={schedule.history.length - i} event={event} />
            ))}
          </ol>
        </details>
      )}
    </section>
  );
};

const OVERLAP: Readonly<Record<string, string>> = {
  skip: 'skips a time while one runs',
  buffer_one: 'keeps one time while one runs',
  buffer_all: 'keeps every time while one runs',
  cancel_other: 'cancels the one that runs',
  allow: 'also beside one that runs',
};

const Event = ({ event }: { readonly event: ScheduleEvent }) => (
  <li>
    <span>
      {eventText(event)}
      {event.task !== undefined && (
        <>
          {' '}
          <Link to={{ view: 'task', uuid: event.task }}>
            <span class="mono">{shortId(event.task)}</span>
          </Link>
        </>
      )}
    </span>
    <span class="muted">
      {event.due !== undefined && `for ${exactText(event.due)}, `}
      <RelativeTime at={event.at} />
    </span>
  </li>
);

const Actions = ({ schedule: { name, paused }, onChanged }: Props) => {
  const { server, toasts } = useApp();
  const [busy, setBusy] = useState(false);
  const change = async (wish: ScheduleChange, said: string): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      await changeSchedule(server, name, wish);
      toasts.good(said);
      onChanged();
    } catch (error) {
      toasts.bad(`Schedule ${name}: ${wordsOf(error)}`);
    }
    setBusy(false);
  };
  return (
    <span class="actions">
      <button
        type="button"
        class="button small"
        aria-disabled={busy}
        aria-label={`Fire now: ${name}`}
        onClick={() => void change({ verb: 'trigger', id: randomId() }, `${name} fires now`)}
      >
        Fire now
      </button>
      {paused === undefined ? (
        <button
          type="button"
          class="button small"
          aria-disabled={busy}
          aria-label={`Pause: ${name}`}
          onClick={() => void change({ verb: 'pause' }, `${name} is paused`)}
        >
          Pause
        </button>
      ) : (
        <button
          type="button"
          class="button small"
          aria-disabled={busy}
          aria-label={`Resume: ${name}`}
          onClick={() => void change({ verb: 'resume' }, `${name} fires again`)}
        >
          Resume
        </button>
      )}
    </span>
  );
};
