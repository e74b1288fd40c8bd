import { describe, readMember } from '../describe.ts';
import type { Log, LogFields, LogMethod } from '../log.ts';
import type { LogLevelName, RunNews } from './messages.ts';

/** A log in a task thread: the process writes the lines. Fields that cannot be copied are described. */
export const threadLog = (post: (news: RunNews) => void, own: LogFields = {}): Log => {
  const method =
    (level: LogLevelName): LogMethod =>
    (first: LogFields | string, second?: string) => {
      const text = typeof first === 'string' ? first : (second ?? '');
      try {
        post({ kind: 'log', level, fields: typeof first === 'string' ? own : { ...own, ...first }, text });
      } catch {
        // A function, a thing of another realm, a getter that throws: a line that says less is better than none.
        const fields = { ...describedFields(own), ...(typeof first === 'string' ? {} : describedFields(first)) };
        post({ kind: 'log', level, fields, text });
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

const describedFields = (fields: LogFields): LogFields => {
  try {
    return Object.fromEntries(Object.keys(fields).map((name) => [name, describe(readMember(fields, name))]));
  } catch {
    return { fields: describe(fields) };
  }
};
