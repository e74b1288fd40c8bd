import { readQueueSettings } from '@baton/protocols';
import { NotConnectedError, type Entry, type QueueSettingsListener, type QueueSettingsPort } from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Records } from './records.ts';
import { memoryStore } from './store.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call } from './wire.ts';

/** What is set for queues: a bucket like that of the records, and small. */
export const memoryQueueSettings = (around: Surroundings, process: Process, records: Records): QueueSettingsPort => ({
  store: memoryStore(around, process, records),
  follow: async (listener) =>
    answerOf(
      await call(around, process, 'definition.follow', 'queues', () => follow(around, process, records, listener)),
    ),
});

const follow = (around: Surroundings, process: Process, records: Records, listener: QueueSettingsListener) => {
  const pipe = new Pipe<Entry | 'caught-up'>(around, process, 'definition.kept', (told) => {
    if (told === 'caught-up') return listener.caughtUp();
    const reading = readQueueSettings(told.bytes, told.address);
    if (reading.kind === 'settings') listener.kept(reading.settings, told.revision);
    else listener.unreadable(told.address, reading.kind);
  });
  for (const entry of records.all()) pipe.push(entry, entry.address);
  pipe.push('caught-up', 'caught-up');
  const unwatch = records.onWrite((stored) => pipe.push(stored, stored.address));
  const close = (): void => {
    pipe.close();
    unwatch();
    lost.close();
    ended.close();
  };
  const ended = process.onEnd(close);
  const lost = process.onLoss(() => {
    close();
    process.run(() => listener.lost(new NotConnectedError('the connection was lost; follow again')));
  });
  return { close };
};
