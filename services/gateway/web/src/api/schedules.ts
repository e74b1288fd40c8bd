import { plainText } from '../ui/plain-text.ts';
import { call, type Server } from './http.ts';

type WireSchedule = {
  readonly name: string;
  readonly owner: string | null;
  readonly cron: readonly string[];
  readonly every_seconds: number | null;
  readonly timezone: string;
  readonly skip_dates: readonly string[];
  readonly overlap: string;
  readonly type: string;
  readonly task_name: string | null;
  readonly paused: { readonly at: string; readonly by: string; readonly why: string | null } | null;
  readonly next: readonly string[];
  readonly waiting: number;
  readonly started: number;
  readonly skipped: number;
  readonly history: readonly {
    readonly kind: ScheduleEvent['kind'];
    readonly at: string;
    readonly by: string;
    readonly due: string | null;
    readonly task: string | null;
    readonly why: string | null;
    readonly count: number;
  }[];
};

export type ScheduleEvent = {
  readonly kind: 'started' | 'skipped' | 'set' | 'paused' | 'resumed' | 'backfilled';
  readonly at: number;
  readonly by: string;
  /** The time it stands for. */
  readonly due: number | undefined;
  readonly task: string | undefined;
  readonly why: string | undefined;
  /** So many in a row. */
  readonly count: number;
};

/** A schedule as somebody sees it who may change it. */
export type ScheduleFigures = {
  readonly name: string;
  readonly owner: string | undefined;
  readonly crons: readonly string[];
  readonly everySeconds: number | undefined;
  readonly timezone: string;
  readonly skipDates: readonly string[];
  readonly overlap: string;
  readonly type: string;
  readonly paused: { readonly at: number; readonly by: string; readonly why: string | undefined } | undefined;
  /** At most ten. */
  readonly next: readonly number[];
  readonly waiting: number;
  readonly started: number;
  readonly skipped: number;
  /** The latest first. */
  readonly history: readonly ScheduleEvent[];
};

const PATH = '/api/v1/schedules';

/** Those the user may see, by name. */
export const loadSchedules = async (server: Server, signal: AbortSignal): Promise<readonly ScheduleFigures[]> => {
  const { result } = await call<{ result: WireSchedule[] }>(server, PATH, { signal });
  return result.map(scheduleOf).toSorted((a, b) => (a.name < b.name ? -1 : 1));
};

export type ScheduleChange =
  | { readonly verb: 'pause'; readonly why?: string }
  | { readonly verb: 'resume' }
  /** The same id again fires once. */
  | { readonly verb: 'trigger'; readonly id: string };

export const changeSchedule = async (
  server: Server,
  name: string,
  { verb, ...body }: ScheduleChange,
): Promise<ScheduleFigures> =>
  scheduleOf(
    (
      await call<{ schedule: WireSchedule }>(server, `${PATH}/${encodeURIComponent(name)}/${verb}`, {
        method: 'POST',
        body,
      })
    ).schedule,
  );

const scheduleOf = (wire: WireSchedule): ScheduleFigures => ({
  name: plainText(wire.name),
  owner: wire.owner === null ? undefined : plainText(wire.owner),
  crons: wire.cron,
  everySeconds: wire.every_seconds ?? undefined,
  timezone: wire.timezone,
  skipDates: wire.skip_dates,
  overlap: wire.overlap,
  type: plainText(wire.type),
  paused:
    wire.paused === null
      ? undefined
      : { at: Date.parse(wire.paused.at), by: personOf(wire.paused.by), why: textOf(wire.paused.why) },
  next: wire.next.map((each) => Date.parse(each)),
  waiting: wire.waiting,
  started: wire.started,
  skipped: wire.skipped,
  history: wire.history.toReversed().map(({ kind, at, by, due, task, why, count }) => ({
    ...{ kind, at: Date.parse(at), by: personOf(by), count, task: task ?? undefined, why: textOf(why) },
    due: due === null ? undefined : Date.parse(due),
  })),
});

const textOf = (text: string | null): string | undefined => (text === null ? undefined : plainText(text));

const personOf = (by: string): string => plainText(by.startsWith('user:') ? by.slice('user:'.length) : by);
