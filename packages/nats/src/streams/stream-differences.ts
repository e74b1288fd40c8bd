import type { StreamConfig } from '@baton/protocols';

/** A stream's configuration as the server answers it. */
export type ActualConfig = Readonly<Record<string, unknown>>;

/** Fields that lose records when they are not at their default, with it: compared although we do not send them. */
const SAFE_DEFAULTS: Readonly<Record<string, readonly unknown[]>> = {
  max_age: [0],
  max_msgs: [-1],
  max_bytes: [-1],
  max_msgs_per_subject: [-1],
  persist_mode: ['', 'default'],
  sealed: [false],
  no_ack: [false],
  mirror: [],
  sources: [],
  subject_transform: [],
};

/** Copies, windows and reads from any copy an operator may change under us: they cost or save, and break nothing. */
const TOLERATED = ['num_replicas', 'duplicate_window', 'allow_direct'];

/** Also tolerated where a full stream refuses, and loses nothing: an operator gives it more room, or less. */
const TOLERATED_IF_REFUSING = ['max_bytes'];

/** Also tolerated for streams that can be rebuilt from the bucket. */
const TOLERATED_IF_DERIVED = ['max_age', 'max_bytes', 'max_msgs', 'persist_mode', 'compression'];

export type Difference = { readonly field: string; readonly wanted: unknown; readonly actual: unknown };

/** Every field in which a stream is not what is needed. Metadata is compared apart: it has errors of its own. */
export const differences = (wanted: StreamConfig, actual: ActualConfig, derived: boolean): readonly Difference[] => {
  const tolerated = [
    ...TOLERATED,
    ...(wanted.discard === 'new' ? TOLERATED_IF_REFUSING : []),
    ...(derived ? TOLERATED_IF_DERIVED : []),
  ];
  const fields = new Set([...Object.keys(wanted), ...Object.keys(SAFE_DEFAULTS)]);
  fields.delete('metadata');
  const found: Difference[] = [];
  for (const field of fields) {
    if (tolerated.includes(field)) continue;
    const want = (wanted as unknown as ActualConfig)[field];
    const have = actual[field];
    if (!agrees(field, want, have)) found.push({ field, wanted: want ?? SAFE_DEFAULTS[field]?.[0], actual: have });
  }
  return found;
};

const agrees = (field: string, want: unknown, have: unknown): boolean => {
  if (want === undefined) return have === undefined || (SAFE_DEFAULTS[field] ?? []).includes(have);
  // The server leaves out what is false.
  if (want === false) return have === undefined || have === false;
  return contains(have, want);
};

/** Everything in `want` is in `have`; the server adds fields of its own. */
const contains = (have: unknown, want: unknown): boolean => {
  if (Array.isArray(want)) {
    return Array.isArray(have) && have.length === want.length && want.every((value, i) => contains(have[i], value));
  }
  if (typeof want === 'object' && want !== null) {
    if (typeof have !== 'object' || have === null) return false;
    return Object.entries(want).every(([key, value]) => contains((have as ActualConfig)[key], value));
  }
  return have === want;
};
