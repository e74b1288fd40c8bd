import type { EventLog } from '@baton/runtime';
import { openReader } from './durable.ts';
import type { LogMessage, LogState } from './log-state.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { call, writeResultOf } from './wire.ts';

export const memoryEventLog = (around: Surroundings, process: Process, log: LogState, epoch: number): EventLog => ({
  append: async ({ address, revision, bytes }) =>
    writeResultOf(
      await call(around, process, 'log.append', address, () =>
        log.append({ kind: 'record', entry: { address, revision, epoch, bytes: bytes.slice() } }),
      ),
    ),
  reader: (name) => openReader({ around, process, durables: log.durables, name }, contentOf),
});

const contentOf = (messages: readonly LogMessage[]) => ({
  entries: messages.flatMap(({ content }) => (content.kind === 'record' ? [content.entry] : [])),
  unreadable: messages.flatMap(({ sequence, content }) =>
    content.kind === 'record'
      ? []
      : [{ sequence, subject: 'events.unreadable', bytes: content.bytes, reason: content.reason }],
  ),
});
