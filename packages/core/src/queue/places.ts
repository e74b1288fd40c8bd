import type { AppliedLimit } from './defined.ts';
import type { Counted } from './limit.ts';

/** What of a task a limit can go by. `group`, `limitKey`: '' for none. */
export type Wants = {
  readonly type: string;
  readonly group: string;
  readonly limitKey: string;
  /** Of a rate; 1 when absent. */
  readonly units?: number | undefined;
};

/** What of a task is counted together; `scope`: of all of the queue or within one type, as in `scopeOf`. */
export type Place = { readonly of: Counted; readonly scope: string; readonly name: string };

/** Of a type's own groups and keys: apart from those of all of the queue. A type has no space in its name. */
export const scopeOf = (of: Counted, type: string | undefined): string => (type === undefined ? of : `${of}/${type}`);

/** Of one scope: of each that has none of its own, and by name. */
export type Limits = { readonly each: AppliedLimit | undefined; readonly named: ReadonlyMap<string, AppliedLimit> };

/** Of what is counted there. */
export const keyOf = ({ scope, name }: Place): string => `${scope} ${name}`;

const QUEUE: Place = { of: 'queue', scope: 'queue', name: '' };

/** Where a task may be counted. */
export function* placesOf({ type, group, limitKey }: Wants): Iterable<Place> {
  yield QUEUE;
  yield { of: 'type', scope: 'type', name: type };
  if (group !== '') {
    yield { of: 'group', scope: 'group', name: group };
    yield { of: 'group', scope: scopeOf('group', type), name: group };
  }
  if (limitKey === '') return;
  yield { of: 'key', scope: 'key', name: limitKey };
  yield { of: 'key', scope: scopeOf('key', type), name: limitKey };
}

/** The limits of a queue by scope. */
export const byScope = (limits: readonly AppliedLimit[]): ReadonlyMap<string, Limits> => {
  const scopes = new Map<string, AppliedLimit[]>();
  for (const limit of limits) {
    const scope = scopeOf(limit.of, limit.type);
    const mine = scopes.get(scope);
    if (mine === undefined) scopes.set(scope, [limit]);
    else mine.push(limit);
  }
  const limitsIn = (mine: readonly AppliedLimit[]): Limits => ({
    each: mine.find(({ name }) => name === undefined),
    named: new Map(mine.flatMap((limit) => (limit.name === undefined ? [] : [[limit.name, limit] as const]))),
  });
  return new Map([...scopes].map(([scope, mine]) => [scope, limitsIn(mine)]));
};
