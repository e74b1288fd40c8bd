import {
  canOpen,
  DEPENDENCIES_LIMIT,
  isTerminal,
  taskOf,
  type Actor,
  type Dependency,
  type NotedEnd,
} from '@baton/core';
import { isTaskId, isUuid, type Address } from '@baton/protocols';
import { BatonError, InvalidArgumentError } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Ports } from '../ports.ts';
import { fatesOf } from './find-ended.ts';
import { keepLeft, leftBy, type Ended } from './left.ts';
import { sideBySide } from '../side-by-side.ts';

/** What a submit waits for, as it was asked for. */
export type WantedDependency = {
  readonly id: string;
  /** Absent: the supervisors are asked. */
  readonly address?: Address;
  readonly onFailure?: 'continue' | 'ignore';
  /** It has ended, and whoever asks has seen that: counts where its record is no more. */
  readonly ended?: Ended & { readonly name: string; readonly endedAt?: number };
};

/** One of the tasks that are to be waited for is unknown, or not for this user to see. */
export class DependencyNotFoundError extends BatonError {
  override readonly name = 'DependencyNotFoundError';
  constructor(id: string) {
    super(
      'DEPENDENCY_NOT_FOUND',
      `depends_on: the task ${id} cannot be waited for: it is unknown, ended long ago, or is not for this user to see; where it is at hand, pass its handle`,
    );
  }
}

/**
 * How long supervisors are waited for when they are asked where a task is; and how long they are asked, since one that was
 * made this moment, or is just being taken over, is known a moment later.
 */
const FIND_MS = 1_000;
const FIND_FOR_MS = 3_000;
const FIND_AGAIN_MS = 100;

/** Tasks that are looked at side by side. */
const AT_ONCE = 16;

type Parts = { readonly ports: Pick<Ports, 'clock' | 'commands' | 'data' | 'store'>; readonly kernel: Kernel };
type Heir = { readonly address: Address; readonly id: string };

/** Throws InvalidArgumentError for more than a task may wait for, and for one that is named twice. */
export const checkDependencies = (wanted: readonly WantedDependency[]): void => {
  if (wanted.length > DEPENDENCIES_LIMIT) {
    const says = `is a list of up to ${DEPENDENCIES_LIMIT} tasks; put a task between that waits for some of them`;
    throw new InvalidArgumentError(`depends_on: ${says}`);
  }
  const ids = new Set(wanted.map(({ id }) => id));
  if (ids.size < wanted.length) throw new InvalidArgumentError('depends_on: names a task twice');
};

/**
 * Makes sure that each of them is there and may be seen, and marks those that have not ended: from then on what becomes of
 * them is kept until whoever waits has seen it. Before the task that waits is made: so none of it is lost, whoever dies in
 * between. Rejects with DependencyNotFoundError, or another BatonError: no task was made.
 */
export const edgesTo = async (
  parts: Parts,
  actor: Actor,
  wanted: readonly WantedDependency[],
  heir: Heir,
): Promise<readonly Dependency[]> => {
  const edges: Dependency[] = Array.from({ length: wanted.length });
  await sideBySide(wanted, AT_ONCE, async (one, i) => void (edges[i] = await edgeTo(parts, actor, one, heir)));
  return edges;
};

const edgeTo = async (parts: Parts, actor: Actor, wanted: WantedDependency, heir: Heir): Promise<Dependency> => {
  const { ports, kernel } = parts;
  const { id, onFailure, ended } = wanted;
  if (!isTaskId(id)) throw new DependencyNotFoundError(id.slice(0, 100));
  const address = wanted.address ?? (await find(ports, id));
  if (address === undefined) throw new DependencyNotFoundError(id);
  const at = ports.clock.now();
  const edge = (name: string) => ({ id, address, name, ...(onFailure === undefined ? {} : { onFailure }) });
  const asked = await kernel.ask(address, () => ({ kind: 'await-end', at, id, actor }));
  if (asked.kind === 'done') {
    const record = taskOf(asked.record, id);
    if (record === undefined) throw new DependencyNotFoundError(id);
    if (!isTerminal(record.status)) return edge(record.name);
    return { ...edge(record.name), end: await endFor(ports.data, heir, wanted, record, record.endedAt ?? at) };
  }
  if (asked.kind !== 'refused') throw asked.cause;
  if (asked.doubt !== undefined) throw asked.doubt;
  if (asked.held !== undefined && taskOf(asked.held.record, id) !== undefined) throw new DependencyNotFoundError(id);
  const found = await keptEnd(parts, actor, address, id);
  const last = found ?? ended;
  if (last === undefined) throw new DependencyNotFoundError(id);
  return { ...edge(last.name), end: await endFor(ports.data, heir, wanted, last, last.endedAt ?? at) };
};

const find = async ({ commands, clock }: Parts['ports'], id: string): Promise<Address | undefined> => {
  // Nobody is asked for what can be that of none.
  if (!isUuid(id)) return undefined;
  const until = clock.monotonic() + FIND_FOR_MS;
  for (let pause = FIND_AGAIN_MS; ; pause *= 2) {
    const place = await commands.find(id, FIND_MS);
    const address = place === 'nowhere' ? undefined : place;
    if (address !== undefined || clock.monotonic() + pause > until) return address;
    await new Promise<void>((resolve) => void clock.after(pause, resolve));
  }
};

/** Its key was used again, and its outcome is kept beside the record. */
const keptEnd = async ({ ports, kernel }: Parts, actor: Actor, address: Address, id: string) => {
  const fate = (await fatesOf({ kernel, store: ports.store }, address, [id])).get(id);
  if (fate?.kind !== 'ended') return undefined;
  if (!canOpen(fate.record, actor)) throw new DependencyNotFoundError(id);
  return fate.record;
};

/** How it has ended, with what it leaves: all of it where it did well or is asked to be told, nothing where it is ignored. */
export const endFor = async (
  data: Ports['data'],
  heir: Heir,
  { id, onFailure }: Pick<Dependency, 'id' | 'onFailure'>,
  ended: Ended,
  at: number,
): Promise<NotedEnd> => {
  const { status } = ended;
  if (!isTerminal(status)) throw new Error(`the task ${id} has not ended`);
  const isTold = status === 'success' || onFailure === 'continue';
  const left = isTold ? leftBy(ended) : undefined;
  return left === undefined ? { status, at } : { status, at, left: await keepLeft(data, heir, id, left) };
};
