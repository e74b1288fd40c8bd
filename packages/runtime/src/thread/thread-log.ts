import { inspect } from 'node:util';
import type { Log, LogFields, LogMethod } from '../log.ts';
import type { LogLevelName, RunNews } from './messages.ts';

/** A log in a task thread: the process writes the lines. Fields that cannot be copied are described. */
export const threadLog = (post: (news: RunNews) => void, own: LogFields = {}): Log => {
  const method =
    (level: LogLevelName): LogMethod =>
    (first: LogFields | string, second?: string) => {
      const text = typeof first === 'string' ? first : (second ?? '');
      const fields = typeof first === 'string' ? own : { ...own, ...first };
      try {
        post({ kind: 'log', level, fields, text });
      } catch {
        // A function, or a thing of another realm: a line that says less is better than none.
        const described = Object.entries(fields).map(([name, value]) => [name, inspect(value, { depth: 3 })] as const);
        post({ kind: 'log', level, fields: Object.fromEntries(described), text });
      }
    };
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
    child: (fields) => threadLog(post, { ...own, ...fields }),
  };
};
