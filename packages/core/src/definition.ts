import type { SubmitMode } from './command.ts';
import type { TypeLimit } from './queue/defined.ts';
import { samePlain } from './submit.ts';
import type { Tags } from './tags.ts';
import type { Millis, Policy, Priority, Scope } from './task.ts';

/** How tasks of a type are submitted where their submit says nothing else (behaviour Q10, Q11). */
export type SubmitOptions = {
  readonly mode?: SubmitMode['kind'];
  /** Of `debounce` and `throttle`. */
  readonly windowMs?: Millis;
  /** Of `debounce`: longest wait from the first submit on; DEBOUNCE_WINDOWS windows when not set. */
  readonly maxWaitMs?: Millis;
  /** To be started this long after it may be, or not at all. */
  readonly expiresMs?: Millis;
};

/** How tasks of a type are run where their submit says nothing else (behaviour D10). */
export type RunOptions = {
  readonly scope: Scope;
  readonly queue: string;
  readonly priority: Priority;
  readonly group?: string;
  readonly limitKey?: string;
  readonly units?: number;
  readonly tags?: Tags;
  readonly policy: Policy;
  readonly submit?: SubmitOptions;
  /** How many of its tasks run at once, or start in a time; said by the definition alone (behaviour Q5, Q6). */
  readonly limits?: readonly TypeLimit[];
};

/** A type as a door knows it: by its definition, or by the code at hand. */
export type KnownType = RunOptions & {
  /** JSON Schema of the list of arguments. */
  readonly argsSchema?: object;
};

/** What of a type's definition other processes may know. The handler stays where it is. */
export type TypeDefinition = KnownType & {
  readonly type: string;
  /** For people. */
  readonly title?: string;
  readonly description?: string;
};

/** A live worker serves the type by this definition. */
export type ServedDefinition = {
  readonly worker: string;
  /** When it began to, by the server's clock. */
  readonly since: Millis;
  /** Names the definition: the same for the same one. */
  readonly digest: string;
  readonly definition: TypeDefinition;
};

/** A live worker that serves a type otherwise than its definition says, and in which fields. */
export type DefinitionConflict = { readonly worker: string; readonly fields: readonly string[] };

/** The definition of a type, as it is kept. */
export type KeptDefinition = ServedDefinition & {
  /** Live workers that disagree, at most `CONFLICTS_SHOWN`. */
  readonly conflicts: readonly DefinitionConflict[];
};

export const CONFLICTS_SHOWN = 10;

/** What applies where a type is not known. */
export const DEFAULT_RUN_OPTIONS: RunOptions = { scope: 'private', queue: 'default', priority: 'normal', policy: {} };

/** The fields in which two definitions of a type let its tasks run otherwise, sorted. */
export const definitionDifferences = (a: RunOptions, b: RunOptions): readonly string[] => {
  const [left, right] = [fieldsOf(a), fieldsOf(b)];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((field) => !samePlain(left[field], right[field]))
    .toSorted();
};

/** What one of two workers accepts or does otherwise. Titles and descriptions are for people. */
const disagreements = (a: KnownType, b: KnownType): readonly string[] => [
  ...(samePlain(a.argsSchema, b.argsSchema) ? [] : ['argsSchema']),
  ...definitionDifferences(a, b),
];

const fieldsOf = ({
  scope,
  queue,
  priority,
  group,
  limitKey,
  units,
  tags,
  policy,
  submit,
  limits = [],
}: RunOptions): Readonly<Record<string, unknown>> => ({
  scope,
  queue,
  priority,
  ...(group === undefined ? {} : { group }),
  ...(limitKey === undefined ? {} : { limitKey }),
  ...(units === undefined ? {} : { units }),
  ...(tags === undefined ? {} : { tags }),
  ...policy,
  ...submit,
  ...Object.fromEntries(limits.map(({ of, ...most }) => [LIMIT_FIELDS[of], most])),
});

/** As whoever defines a type names them. */
const LIMIT_FIELDS: Readonly<Record<TypeLimit['of'], string>> = {
  type: 'limit',
  group: 'limitPerGroup',
  key: 'limitPerKey',
};

/**
 * The definition to keep of a type, given the one that is kept and what live workers serve. It is the one that came up
 * last among those that are served now; where none is, the kept one stays. `complete`: all live workers of the type have
 * been heard. Before that nothing is taken back: what is not heard yet may stand for it.
 *
 * Undefined: the kept one stands as it is.
 */
export const chooseDefinition = (
  kept: KeptDefinition | undefined,
  offers: readonly ServedDefinition[],
  complete: boolean,
): KeptDefinition | undefined => {
  const newest = newestOf(offers);
  if (newest === undefined)
    return complete && kept !== undefined && kept.conflicts.length > 0 ? { ...kept, conflicts: [] } : undefined;
  const stays = kept !== undefined && (kept.digest === newest.digest || (!complete && kept.since >= newest.since));
  const chosen: ServedDefinition = stays ? kept : newest;
  const found = offers
    .map(({ worker, definition }) => ({ worker, fields: disagreements(chosen.definition, definition) }))
    .filter(({ fields }) => fields.length > 0)
    .toSorted((a, b) => (a.worker < b.worker ? -1 : 1))
    .slice(0, CONFLICTS_SHOWN);
  // Who has not been heard yet may still disagree.
  const conflicts = stays && !complete && found.length < kept.conflicts.length ? kept.conflicts : found;
  if (stays && samePlain(conflicts, kept.conflicts)) return undefined;
  const { worker, since, digest, definition } = chosen;
  return { worker, since, digest, definition, conflicts };
};

/** A definition is as old as the first live worker that serves it: one more worker of an old version makes it no newer. */
const newestOf = (offers: readonly ServedDefinition[]): ServedDefinition | undefined => {
  const first = new Map<string, ServedDefinition>();
  for (const offer of offers) {
    const known = first.get(offer.digest);
    if (known === undefined || offer.since < known.since) first.set(offer.digest, offer);
  }
  return [...first.values()].toSorted((a, b) => b.since - a.since || (a.digest < b.digest ? -1 : 1))[0];
};
