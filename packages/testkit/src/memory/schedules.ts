import type { Entry, Schedules } from '@baton/runtime';
import { follow, type Followed } from './followed.ts';
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
  follow: async ({ entry, caughtUp, lost }) => {
    const listener = { stored: entry, caughtUp, lost };
    return answerOf(
      await call(around, process, 'schedule.follow', '*', () => follow(around, process, bucketOf(records), listener)),
    );
  },
  all: async () => answerOf(await call(around, process, 'schedule.load', '*', () => records.all())),
});

const bucketOf = (records: Records): Followed<Entry> => ({
  op: 'schedule.kept',
  keyOf: ({ address }) => address,
  stored: () => records.all(),
  onWrite: (hear) => records.onWrite(hear),
});
