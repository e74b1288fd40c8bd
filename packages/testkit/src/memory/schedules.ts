import {
  NotConnectedError,
  type Entry,
  type Schedules,
  type SchedulesListener,
  type Subscription,
} from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Records } from './records.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, writeResultOf } from './wire.ts';

/** The schedules bucket. */
export const memorySchedules = (around: Surroundings, process: Process, records: Records): Schedules => ({
  store: {
    epoch: records.epoch,
    shortage: undefined,
    load: async (address) =>
      answerOf(await call(around, process, 'schedule.load', address, () => records.read(address))),
    write: async (address, bytes, expected, options = {}) =>
      writeResultOf(
        await call(around, process, 'schedule.write', address, () =>
          records.write(address, bytes, expected, process.name, options),
        ),
      ),
  },
  follow: async (listener) =>
    answerOf(await call(around, process, 'schedule.follow', '*', () => follow(around, process, records, listener))),
  all: async () => answerOf(await call(around, process, 'schedule.load', '*', () => records.all())),
});

type Told = Entry | 'caught-up';

const follow = (
  around: Surroundings,
  process: Process,
  records: Records,
  listener: SchedulesListener,
): Subscription => {
  const pipe = new Pipe<Told>(around, process, 'schedule.kept', (told) => {
    if (told === 'caught-up') listener.caughtUp();
    else listener.entry(told);
  });
  const watch = (entry: Entry): void => pipe.push(entry, entry.address);
  for (const entry of records.all()) watch(entry);
  pipe.push('caught-up', 'caught-up');
  const unwatch = records.onWrite(watch);
  const ended = process.onEnd(() => close());
  const lost = process.onLoss(() => {
    close();
    process.run(() => listener.lost(new NotConnectedError('the connection was lost; follow again')));
  });
  const close = (): void => {
    pipe.close();
    unwatch();
    ended.close();
    lost.close();
  };
  return { close };
};
