import type { Limit, Pause, QueueChange, QueueSet } from '../api/queues.ts';
import { durationText } from '../time/durations.ts';

/** One thing that is set, and the change that takes it back. */
export type SetEntry = {
  readonly what: string;
  readonly by: string;
  readonly at: number;
  readonly why: string | undefined;
  /** Undefined: it is in the definition of a type, and can only be set otherwise. */
  readonly undo: { readonly label: string; readonly change: QueueChange } | undefined;
};

/** Pauses first: they stop everything they speak of. */
export const entriesOf = ({ pauses, limits, weights }: QueueSet): readonly SetEntry[] => [
  ...pauses.map((pause) => entry(pause, pausedText(pause), 'Resume', { verb: 'resume', ...partOf(pause) })),
  ...limits.map(limitEntry),
  ...weights.map(({ group, weight, ...made }) =>
    entry({ ...made, why: null }, `Weight of group ${group}: ${weight}`, 'Take back', {
      verb: 'weight',
      group,
      weight: 1,
    }),
  ),
];

const entry = (
  { by, at, why }: Pick<Pause, 'by' | 'at' | 'why'>,
  what: string,
  label: string,
  change: QueueChange,
): SetEntry => ({
  ...{ what, at: Date.parse(at), why: why ?? undefined },
  by: by.startsWith('user:') ? by.slice('user:'.length) : by,
  undo: { label, change },
});

const limitEntry = (limit: Limit): SetEntry => {
  const one = entry(limit, limitText(limit), 'Take back', { verb: 'limit', ...countedOf(limit) });
  return limit.from === 'definition' ? { ...one, undo: undefined } : one;
};

const partOf = ({ type, group }: Pause) => ({
  ...(type === null ? {} : { type }),
  ...(group === null ? {} : { group }),
});

const countedOf = ({ of, name, type }: Limit) => ({
  of,
  ...(name === null ? {} : { name }),
  ...(type === null ? {} : { type }),
});

const pausedText = ({ type, group }: Pause): string => {
  if (type !== null) return `Type ${type} paused`;
  return group === null ? 'Paused' : `Group ${group} paused`;
};

const NAMES = { type: 'Type', group: 'Group', key: 'Key' } as const;

const limitText = (limit: Limit): string => {
  const { of, name, type, from, instead_of: said } = limit;
  const origin =
    from === 'definition' ? ', by its definition' : said === null ? '' : `; its definition: ${mostText(said)}`;
  const most = `${mostText(limit)}${origin}`;
  if (of === 'queue') return most;
  const within = type === null ? '' : ` of type ${type}`;
  return `${name === null ? `Each ${of}` : `${NAMES[of]} ${name}`}${within}: ${most}`;
};

const WHEN_FULL = {
  wait: '',
  cancel_newest: ', then cancel the newest',
  cancel_running: ', then cancel the oldest',
} as const;

const mostText = ({
  concurrency,
  when_full: whenFull,
  rate,
}: Pick<Limit, 'concurrency' | 'when_full' | 'rate'>): string =>
  [
    ...(concurrency === null ? [] : [`${concurrency} at once${WHEN_FULL[whenFull]}`]),
    ...(rate === null ? [] : [`${rate.units} in ${durationText(rate.window_seconds)}`]),
  ].join(', ');

/** Nothing of it starts. */
export const isPaused = ({ pauses }: QueueSet): boolean =>
  pauses.some(({ type, group }) => type === null && group === null);
