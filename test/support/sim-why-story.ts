import { isTerminal, taskOf, type QueueSettings, type TaskRecord, type WaitReason, type Why } from '@baton/core';
import { recordOf } from '@baton/runtime';
import { createBaton, getContext, task, type CallOptions, type TaskHandle } from '@baton/sdk';
import { createSimRoom } from './sim-room.ts';
import { isRunning, limitsFor, NOTHING_SET, usedOf, type Serving, type Start, type Truth } from './sim-why.ts';

type How = 'ends' | 'fails once' | 'asks';

/** What a task is said to wait for, and may not begin before. */
type Bar = { readonly asOf: number; readonly reason: WaitReason };

/** What is set counts for all that is claimed after this. */
const SET_MS = 5_000;

/** Rooms are counted a moment later than they come free, and never before. */
const EARLY_MS = 50;

/**
 * Tasks of two queues that run until they are let go, and all that may keep one of them waiting. What is asked of each is
 * kept, and who begins against it is a fault.
 */
export const createWhyStory = async (seed: number) => {
  const room = createSimRoom(seed);
  const { clock, world, chance, workers } = room;
  const faults: string[] = [];
  const said = new Set<string>();
  const servings = new Map<string, Serving>();
  const starts: Start[] = [];
  const barred = new Map<string, readonly Bar[]>();
  /** Bodies that run go on when they are told to. */
  const bodies = new Set<{ readonly taskId: string; readonly run: number; readonly goOn: () => void }>();
  const actors = new Map<string, TaskRecord>();
  const handles: TaskHandle[] = [];
  const settings = new Map<string, QueueSettings>();

  const oneOf = <T>(...of: readonly T[]): T => of[Math.floor(chance.random() * of.length)] as T;
  const find = (id: string): TaskRecord | undefined =>
    [...actors.values()].map((actor) => taskOf(actor, id)).find((record) => record !== undefined);
  const hasEnded = (id: string): boolean => {
    const record = find(id);
    return record === undefined || isTerminal(record.status);
  };

  const truth = (): Truth => ({
    now: clock.now(),
    actors: [...actors.values()],
    workers: workers.flatMap(({ name }) => servings.get(name) ?? []),
    starts,
    settings: (queue) => settings.get(queue) ?? NOTHING_SET,
  });

  /** Whether it still stands in the way of one that begins. */
  const stands = ({ asOf, reason }: Bar, record: TaskRecord): boolean => {
    switch (reason.kind) {
      case 'paused':
        return (settings.get(record.queue)?.pauses ?? []).some(
          ({ type, group, at }) => at === reason.at && (type ?? group) === reason.name,
        );
      case 'limit': {
        const opensInMs = reason.rate?.opensInMs ?? 0;
        const isSet = limitsFor(truth(), record).some(({ of, at }) => of === reason.of && at === reason.at);
        return isSet && clock.now() < asOf + opensInMs - EARLY_MS;
      }
      case 'starts_at':
        return clock.now() < reason.at;
      case 'depends_on':
        return reason.tasks.some((id) => !hasEnded(id));
      case 'behind':
        return !hasEnded(reason.task);
      default:
        return false;
    }
  };
  world.onWrite((stored) => {
    const record = recordOf(stored);
    const before = actors.get(stored.address);
    actors.set(stored.address, record);
    const isStart = isRunning(record) && (before === undefined || !isRunning(before) || before.id !== record.id);
    if (!isStart) return;
    starts.push({ at: clock.now(), record });
    for (const bar of barred.get(record.id) ?? [])
      if (stands(bar, record)) faults.push(`${record.key} has begun at ${clock.now()}, though ${JSON.stringify(bar)}`);
    barred.delete(record.id);
  });

  /** Claims that came too late are given back before their body begins. */
  const begun: Start[] = [];
  const begins = (taskId: string, run: number): void => {
    const start = starts.find(({ record: { id, owner } }) => id === taskId && owner?.fence.revision === run);
    if (start === undefined) return void faults.push(`${taskId} has begun, and was not claimed`);
    begun.push(start);
    for (const limit of limitsFor(truth(), start.record)) {
      if (limit.rate === undefined) continue;
      const used = usedOf({ now: start.at, starts: begun }, { ...limit, at: limit.at + SET_MS }, start.record);
      const { units = 1 } = start.record;
      if (used > Math.max(units, limit.rate.units))
        faults.push(`${used} units of ${JSON.stringify(limit)} at ${start.at}`);
    }
  };

  const body = async (how: How): Promise<void> => {
    const { taskId, fence, attempt, waitForSignal, signal } = getContext();
    begins(taskId, fence.revision);
    await new Promise<void>((resolve) => bodies.add({ taskId, run: fence.revision, goOn: resolve }));
    if (signal.aborted) return;
    if (how === 'fails once' && attempt === 1) throw new Error('once more');
    if (how === 'asks') await waitForSignal('go', { timeout: '10h' });
  };
  const common = { scope: 'shared', maxRescues: 1_000, abortGrace: '10h' } as const;
  const retry = { maxAttempts: 2, backoff: { initial: '1m' } } as const;
  const tasks = {
    short: task({ name: 'short', ...common, retry }, body),
    rare: task({ name: 'rare', ...common, retry, perKey: { concurrency: 1 } }, body),
  };
  await room.start({ supervisors: 2, workers: 3 }, ({ name: node }) => {
    const types =
      servings.size === 0 || chance.random() < 0.5 ? (['short', 'rare'] as const) : ([oneOf('short', 'rare')] as const);
    const queues = servings.size === 0 ? ['default', 'side'] : oneOf(['default'], ['side'], ['default', 'side']);
    const concurrency = oneOf(1, 2, 3);
    servings.set(node, { node, types, queues, concurrency });
    return { tasks: types.map((type) => tasks[type]), queues, concurrency };
  });
  const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });

  const submit = async (options: CallOptions, how: How): Promise<TaskHandle> => {
    const handle = await clock.settle(admin.schedule(tasks[oneOf('short', 'short', 'rare')], [how], options));
    handles.push(handle);
    return handle;
  };
  const waiting = (): readonly TaskHandle[] => handles.filter(({ uuid }) => find(uuid)?.status === 'pending');
  const running = (): readonly TaskRecord[] => [...actors.values()].filter(isRunning);

  const submitSome = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) {
      const before = chance.random() < 0.15 ? oneOf(undefined, ...waiting()) : undefined;
      const options: CallOptions = {
        ...{ taskKey: `k${handles.length}`, queue: oneOf('default', 'default', 'side') },
        ...oneOf({}, { group: oneOf('g0', 'g1', 'g2') }),
        ...oneOf({}, {}, { limitKey: oneOf('dock 0', 'dock 1') }),
        ...oneOf({}, {}, { units: 2 }),
        priority: oneOf('normal', 'normal', 'high', 'low'),
        ...(before === undefined ? oneOf({}, {}, {}, { delay: oneOf('20s', '3m') }) : { dependsOn: [before] }),
      };
      await submit(options, oneOf<How>('ends', 'ends', 'ends', 'fails once', 'asks'));
    }
  };
  /** One that was told to stop and does not yet, with another one of its key behind it. */
  const succeed = async (): Promise<void> => {
    const [stopped] = running().filter(({ status }) => status === 'in_progress');
    const handle = handles.find(({ uuid }) => uuid === stopped?.id);
    if (handle === undefined || stopped === undefined) return;
    await clock.settle(handle.cancel().catch(() => undefined));
    await submit({ taskKey: handle.key, queue: stopped.queue }, 'ends');
  };
  const letGo = (isMeant: (isOwner: boolean) => boolean): void => {
    for (const body of bodies) {
      const record = find(body.taskId);
      if (!isMeant(record !== undefined && isRunning(record) && record.owner?.fence.revision === body.run)) continue;
      body.goOn();
      bodies.delete(body);
    }
  };
  const letSomeGo = async (): Promise<void> => letGo(() => chance.random() < 0.5);
  const letAllGo = (): void => letGo(() => true);
  /** A body that has lost its task has its slot as long as it runs, and no record says so. */
  const letLostGo = (): void => letGo((isOwner) => !isOwner);
  const set = async (queue: string, change: Promise<QueueSettings>): Promise<void> => {
    settings.set(queue, await clock.settle(change));
  };
  const change = async (): Promise<void> => {
    const queue = oneOf('default', 'default', 'side');
    const part = oneOf({}, { type: 'rare' }, { type: 'short' }, { group: 'g0' }, { group: 'g1' });
    const paused = settings.get(queue)?.pauses ?? [];
    if (paused.length > 1 || (paused.length > 0 && chance.random() < 0.5)) {
      const [{ type, group }] = paused as [QueueSettings['pauses'][number]];
      // What it said is over from the moment it may be.
      settings.set(queue, { ...(settings.get(queue) as QueueSettings), pauses: paused.slice(1) });
      await set(
        queue,
        admin.queues.resume(queue, {
          ...(type === undefined ? {} : { type }),
          ...(group === undefined ? {} : { group }),
        }),
      );
      return;
    }
    const windowed = { rate: { units: 3, window: oneOf('15s', '1m') } } as const;
    const most = oneOf<object>({}, { concurrency: 1 }, { concurrency: 2 }, windowed, windowed, {
      concurrency: 2,
      ...windowed,
    });
    const of = oneOf<{ of: 'queue' | 'group' | 'key' | 'type'; name?: string; type?: string }>(
      { of: 'queue' },
      { of: 'group' },
      { of: 'group', name: 'g0' },
      { of: 'group', type: 'short' },
      { of: 'key' },
      { of: 'type', name: 'short' },
    );
    await (chance.random() < 0.35
      ? set(queue, admin.queues.pause(queue, { ...part, why: 'a test' }))
      : set(queue, admin.queues.limit(queue, { ...of, ...most })));
  };
  const staff = async (): Promise<void> => {
    if (workers.length > 1 && chance.random() < 0.5)
      workers.splice(Math.floor(chance.random() * workers.length), 1)[0]?.crash();
    else if (workers.length < 4) workers.push(await room.work());
  };
  const signal = async (): Promise<void> => {
    for (const handle of waiting())
      if (find(handle.uuid)?.waiting !== undefined) await clock.settle(handle.signal('go'));
  };

  const harm = () => room.harm({ supervisors: 0.6, crash: 0.5, freeze: 0.25, freezeMs: 12_000 });
  /** What workers have said of their types is set by supervisors. */
  const reread = async (): Promise<void> => {
    for (const queue of ['default', 'side']) await set(queue, admin.queues.get(queue));
  };
  await reread();

  /** All that wait; those that wait still. */
  const ask = async (): Promise<readonly Why[]> => {
    const all = waiting();
    const whys = await clock.settle(Promise.all(all.map((handle) => handle.why())));
    for (const [i, why] of whys.entries()) {
      const { waits, reasons, text, position } = why;
      const where = `${all[i]?.key}: ${JSON.stringify(why)}`;
      if (waits !== reasons.length > 0) faults.push(`no reason, or one of what does not wait: ${where}`);
      if (text.length < reasons.length || /undefined|NaN|\[object/.test(text.join())) faults.push(`words: ${where}`);
      if (position !== undefined && position < 1) faults.push(`position: ${where}`);
      for (const reason of reasons) said.add(nameOf(reason));
      if (waits)
        barred.set(
          why.id,
          reasons.map((reason) => ({ asOf: why.asOf, reason })),
        );
    }
    return whys.filter(({ waits }) => waits);
  };
  return {
    ...room,
    faults,
    said,
    letLostGo,
    letAllGo,
    reread,
    ask,
    truth,
    acts: [submitSome, submitSome, letSomeGo, change, change, staff, succeed, signal, harm],
  };
};

/** For those that want to have seen each. */
const nameOf = (reason: WaitReason): string => {
  switch (reason.kind) {
    case 'starts_at':
      return reason.because;
    case 'limit':
      return `${reason.concurrency === undefined ? 'rate' : 'limit'} of ${reason.of}`;
    case 'paused':
      return `pause of ${reason.of}`;
    default:
      return reason.kind;
  }
};
