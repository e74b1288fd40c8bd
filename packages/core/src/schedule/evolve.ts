import { byUser } from '../decision.ts';
import { samePlain } from '../submit.ts';
import type { ScheduleEvent } from './decide.ts';
import {
  SCHEDULE_HISTORY,
  SCHEDULE_VERSION,
  type ScheduleEntry,
  type ScheduleRecord,
  type ScheduleSpec,
} from './schedule.ts';

/** The record after an event. Fields it does not know are carried along. */
export const evolveSchedule = (record: ScheduleRecord | undefined, event: ScheduleEvent): ScheduleRecord => {
  if (event.kind === 'made') return made(event);
  if (record === undefined) throw new Error(`event '${event.kind}' without a schedule`);
  const next = { ...record, changedAt: event.at };
  switch (event.kind) {
    case 'changed': {
      const { at, by, spec } = event;
      // Another interval begins now; the same one goes on as it did.
      const anchor = spec.everyMs === record.spec.everyMs ? record.anchor : at;
      // At the same times those that have come and are not dealt with yet are still to be fired (behaviour H4).
      const cursor = samePlain(timesIn(spec), timesIn(record.spec)) ? record.cursor : Math.max(record.cursor, at);
      return noted({ ...next, spec, anchor, cursor }, { kind: 'set', at, by });
    }
    case 'paused': {
      const { kind, ...paused } = event;
      return noted({ ...next, paused }, { kind, ...paused });
    }
    case 'resumed': {
      const { paused: _, ...rest } = next;
      return noted({ ...rest, cursor: Math.max(record.cursor, event.at) }, event);
    }
    case 'removed':
      return { ...next, removed: true, waiting: [] };
    case 'advanced':
      return { ...next, cursor: event.cursor };
    case 'decided':
      return { ...next, waiting: [...record.waiting, ...event.fires] };
    case 'noted':
      return noted(next, event.entry);
    case 'settled':
      return noted({ ...next, waiting: record.waiting.filter(({ id }) => id !== event.fire) }, event.entry);
  }
};

const timesIn = ({ crons, everyMs, timezone, skipDates }: ScheduleSpec) => ({ crons, everyMs, timezone, skipDates });

const made = ({ at, actor, name, id, spec }: Extract<ScheduleEvent, { kind: 'made' }>): ScheduleRecord => ({
  v: SCHEDULE_VERSION,
  name,
  id,
  spec,
  owner: { admin: actor.admin, ...(actor.user === undefined ? {} : { user: actor.user }) },
  createdAt: at,
  changedAt: at,
  anchor: at,
  cursor: at,
  waiting: [],
  started: 0,
  skipped: 0,
  history: [{ kind: 'set', at, by: byUser(actor.user) }],
});

/** Skips for one reason, one after the other, are one entry. */
const noted = (record: ScheduleRecord, entry: ScheduleEntry): ScheduleRecord => {
  const last = record.history.at(-1);
  const isMore = entry.kind === 'skipped' && last?.kind === 'skipped' && last.why === entry.why && last.by === entry.by;
  const history = isMore
    ? [...record.history.slice(0, -1), { ...entry, count: last.count + entry.count }]
    : [...record.history, entry].slice(-SCHEDULE_HISTORY);
  return {
    ...record,
    history,
    started: record.started + (entry.kind === 'started' ? 1 : 0),
    skipped: record.skipped + (entry.kind === 'skipped' ? entry.count : 0),
  };
};
