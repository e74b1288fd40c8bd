import { loadSchedules } from '../api/schedules.ts';
import { useApp } from '../shell/app-context.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { usePolled } from '../ui/polled.ts';
import { SchedulePanel } from './schedule-panel.tsx';

/** The schedules somebody may see: when they fire next, what has become of the last times. */
export const SchedulesView = () => {
  const { server } = useApp();
  const { value: schedules, fault, reload } = usePolled((signal) => loadSchedules(server, signal));
  return (
    <section class="schedules" aria-labelledby="schedules-heading">
      <header class="view-header">
        <h1 id="schedules-heading">Schedules</h1>
      </header>
      {schedules === undefined && fault === undefined && (
        <div class="task-loading" aria-busy="true">
          <span class="bone title" />
          <span class="bone" />
        </div>
      )}
      {schedules === undefined && fault !== undefined && (
        <EmptyState icon="alert" title="The schedules cannot be shown">
          <p role="alert">{fault.message}</p>
        </EmptyState>
      )}
      {schedules?.length === 0 && (
        <EmptyState icon="clock" title="There are no schedules">
          <p>
            They are made by programs, with <code>baton.schedule(name, …)</code>, or by <code>baton schedule set</code>.
          </p>
        </EmptyState>
      )}
      {schedules?.map((schedule) => (
        <SchedulePanel key={schedule.name} schedule={schedule} onChanged={reload} />
      ))}
    </section>
  );
};
