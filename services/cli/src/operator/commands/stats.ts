import { inspectNats } from '@baton/nats';
import { say, styled } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { bytesText, sayFields, sayJson, sayTable } from '../output.ts';
import { natsSettings, type Session } from '../session.ts';
import { filterOf } from './list.ts';

/** Tasks by status; what waits for a worker; what the streams hold; how far the projections are behind. */
export const stats = async (session: Session): Promise<number> => {
  const views = await session.views();
  const tasks = await views.counts(filterOf(session, {}));
  const { streams, lanes, projections, skewMs } = await inspectNats(natsSettings(session.settings));
  if (session.json) {
    const sizes = streams.map(({ name, messages, bytes }) => ({ name, messages, bytes }));
    const behind = Object.fromEntries(projections.map(({ name, progress }) => [name, progress?.behind ?? null]));
    sayJson({ tasks, lanes, streams: sizes, projections_behind: behind });
    return exitCodes.ok;
  }
  say(styled('bold', 'Tasks'));
  sayFields(Object.keys(tasks).length === 0 ? { tasks: 'none' } : tasks);
  say(styled('bold', '\nWaiting for a worker'));
  const byCount = lanes.toSorted((a, b) => b.waiting - a.waiting);
  sayTable(
    [
      { title: 'QUEUE', text: ({ queue }) => queue },
      { title: 'PRIORITY', text: ({ priority }) => priority },
      { title: 'TYPE', text: ({ type }) => type },
      { title: 'WAITING', text: ({ waiting }) => String(waiting), align: 'right' },
    ],
    byCount,
    'nothing',
  );
  say(styled('bold', '\nStreams'));
  sayTable(
    [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'MESSAGES', text: ({ messages }) => String(messages), align: 'right' },
      { title: 'SIZE', text: ({ bytes }) => bytesText(bytes), align: 'right' },
    ],
    streams,
    'none',
  );
  say(styled('bold', '\nProjections'));
  sayTable(
    [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'BEHIND', text: ({ progress }) => String(progress?.behind ?? 'never read'), align: 'right' },
      { title: 'OLDEST', text: ({ progress }) => ageText(progress?.oldestAt, skewMs), align: 'right' },
    ],
    projections,
    'none',
  );
  return exitCodes.ok;
};

const ageText = (oldestAt: number | undefined, skewMs: number): string =>
  oldestAt === undefined ? '' : `${(Math.max(0, Date.now() + skewMs - oldestAt) / 1_000).toFixed(1)} s`;
