import type { Counted, InTheWay, QueueView, WhenFull } from '@baton/core';
import { encode, type Address } from '@baton/protocols';
import type { StandingQuestion } from '@baton/runtime';
import { count, fieldsOf, list, oneOf, place, queueName, text, VERSION } from './messages.ts';

/** Where a task stands, as it is asked and answered (see "Dispatch" in `protocols/README.md`). */

const STATES: readonly QueueView['state'][] = ['waiting', 'offered', 'unsettled', 'running', 'unheard'];
const HALTS: readonly NonNullable<QueueView['halt']>[] = ['settings_unknown', 'settings_unreadable', 'taken_over'];
const COUNTED: readonly Counted[] = ['queue', 'type', 'group', 'key'];
const WHEN_FULL: readonly WhenFull[] = ['cancel_newest', 'cancel_running'];
const KINDS: readonly InTheWay['kind'][] = ['paused', 'limit'];

export const encodeQuestion = ({ queue, address, type, worker }: StandingQuestion): Uint8Array =>
  encode([VERSION, queue, address, type, ...(worker === undefined ? [] : [worker])]);

export const decodeQuestion = (bytes: Uint8Array): StandingQuestion => {
  const [queue, address, type, worker] = fieldsOf(bytes, 3);
  const runs = isAbsent(worker) ? {} : { worker: text(worker) };
  return { queue: queueName(queue), address: place(address), type: text(type), ...runs };
};

export const encodeView = (view: QueueView<Address>): Uint8Array => {
  const { state, ahead, waiting, workers, inTheWay, halt, throughput, servedIn, isOrphan } = view;
  return encode([
    ...[VERSION, STATES.indexOf(state), ahead, waiting],
    [workers.queue, workers.type, workers.free, workers.refused],
    inTheWay.map(obstacleOut),
    halt === undefined ? null : HALTS.indexOf(halt),
    throughput === undefined ? null : [throughput.starts, throughput.ms],
    servedIn ?? null,
    isOrphan === true,
  ]);
};

const obstacleOut = (one: InTheWay<Address>): readonly unknown[] => {
  const { kind, of, name, by, at, why } = one;
  const head = [KINDS.indexOf(kind), COUNTED.indexOf(of), name ?? null, by, at, why ?? null];
  if (kind === 'paused') return head;
  const { concurrency, rate, holders, from, type, whenFull } = one;
  return [
    ...head,
    concurrency === undefined ? null : [concurrency.most, concurrency.running],
    rate === undefined ? null : [rate.units, rate.windowMs, rate.used, rate.opensInMs ?? null],
    holders,
    ...(from === undefined && type === undefined && whenFull === undefined
      ? []
      : [from !== undefined, type ?? null, whenFull === undefined ? null : WHEN_FULL.indexOf(whenFull)]),
  ];
};

export const decodeView = (bytes: Uint8Array): QueueView<Address> => {
  const [state, ahead, waiting, workers, inTheWay, halt, throughput, servedIn, isOrphan] = fieldsOf(bytes, 5);
  const [queue, type, free, refused] = list(workers);
  return {
    state: oneOf(STATES, state),
    ahead: count(ahead),
    waiting: count(waiting),
    workers: { queue: count(queue), type: count(type), free: count(free), refused: count(refused) },
    inTheWay: list(inTheWay).map(obstacleIn),
    ...(isAbsent(halt) ? {} : { halt: oneOf(HALTS, halt) }),
    ...(isAbsent(throughput) ? {} : { throughput: throughputIn(throughput) }),
    ...(isAbsent(servedIn) ? {} : { servedIn: list(servedIn).map(text) }),
    ...(isOrphan === true ? { isOrphan } : {}),
  };
};

const throughputIn = (value: unknown) => {
  const [starts, ms] = list(value);
  return { starts: count(starts), ms: count(ms) };
};

const obstacleIn = (one: unknown): InTheWay<Address> => {
  const [kind, of, name, by, at, why, concurrency, rate, holders, isDefined, type, whenFull] = list(one);
  const head = {
    of: oneOf(COUNTED, of),
    ...(isAbsent(name) ? {} : { name: text(name) }),
    ...{ by: text(by), at: count(at) },
    ...(isAbsent(why) ? {} : { why: text(why) }),
  };
  if (oneOf(KINDS, kind) === 'paused') return { kind: 'paused', ...head };
  return {
    kind: 'limit',
    ...head,
    ...(isAbsent(concurrency) ? {} : { concurrency: slotsIn(concurrency) }),
    ...(isAbsent(rate) ? {} : { rate: rateIn(rate) }),
    holders: list(holders).map(place),
    ...(isDefined === true ? { from: 'definition' } : {}),
    ...(isAbsent(type) ? {} : { type: text(type) }),
    ...(isAbsent(whenFull) ? {} : { whenFull: oneOf(WHEN_FULL, whenFull) }),
  };
};

const slotsIn = (value: unknown) => {
  const [most, running] = list(value);
  return { most: count(most), running: count(running) };
};

const rateIn = (value: unknown) => {
  const [units, windowMs, used, opensInMs] = list(value);
  const rate = { units: count(units), windowMs: count(windowMs), used: count(used) };
  return isAbsent(opensInMs) ? rate : { ...rate, opensInMs: count(opensInMs) };
};

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;
