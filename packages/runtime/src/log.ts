import type { TaskRecord } from '@baton/core';
import { messageOf, traceIdOf } from '@baton/protocols';
import { pino, stdTimeFunctions, type DestinationStream, type LogFn, type Logger } from 'pino';
import { boundedFields, boundedLine } from './log-values.ts';
import { hideSecrets, printable } from './redact.ts';
import type { LogLevel } from './settings.ts';

export type LogFields = Readonly<Record<string, unknown>>;

/** Fields first, then the text; an error goes into the field `err`. */
export type LogMethod = {
  (fields: LogFields, text: string): void;
  (text: string): void;
};

/** What Baton needs of a logger; pino's is one. */
export type Log = {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  /** A logger that adds these fields to every line. */
  readonly child: (fields: LogFields) => Log;
};

export type LogOptions = {
  /** Stands in every line as `service`. */
  readonly service?: string;
  readonly level?: LogLevel;
  /** Texts that must never be written; see `secretsOf`. */
  readonly secrets?: readonly string[];
  /** Default `stdout`. A program whose standard output is its result logs to `stderr`. */
  readonly to?: 'stdout' | 'stderr' | DestinationStream;
};

const FILE_DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

/**
 * A logger that writes one JSON line each: `time` (UTC), `level` (a word), `service`, `pid`, the fields, `msg`. Written
 * at once and in order, so that the last line before an exit is not lost; logging is not on any hot path.
 */
export const createLog = (options: LogOptions = {}): Log => {
  const { service, level = 'info', secrets = [], to = 'stdout' } = options;
  const hide = hideSecrets(secrets);
  const destination = typeof to === 'string' ? pino.destination({ dest: FILE_DESCRIPTORS[to], sync: true }) : to;
  const logger = pino(
    {
      level,
      base: { ...(service === undefined ? {} : { service }), pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: asItIs },
      hooks: {
        // The finished line, whatever it was made of.
        streamWrite: (line) => printable(hide(line)),
        logMethod,
      },
    },
    destination,
  );
  // Pino has a hook for lines, and none for the fields of a child.
  // oxlint-disable-next-line unbound-method -- each child calls it on itself
  const { child } = logger;
  return Object.assign(logger, {
    child(this: Logger, fields: LogFields): Log {
      return child.call(this, boundedFields(fields));
    },
  });
};

/** Errors have been made plain with all other values; pino's own serializer would look into them again. */
const asItIs = (value: unknown): unknown => value;

function logMethod(this: Logger, args: unknown[], method: LogFn): void {
  try {
    method.apply(this, boundedLine(args) as Parameters<LogFn>);
  } catch (error) {
    const text = args.find((arg) => typeof arg === 'string') ?? '';
    method.apply(this, boundedLine([{ unwritable: messageOf(error) }, text]) as Parameters<LogFn>);
  }
}

/** Writes nothing: for libraries that were given no logger, and for tests. */
export const silentLog: Log = (() => {
  const nothing = (): void => {};
  const log: Log = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
    child: () => log,
  };
  return log;
})();

/** The fields by which the lines of one task are found, and with them those of the trace it belongs to. */
export const taskFields = ({
  id,
  type,
  attempt,
  traceparent,
}: Pick<TaskRecord, 'id' | 'type' | 'attempt' | 'traceparent'>): LogFields => {
  const traceId = traceIdOf(traceparent);
  return traceId === undefined ? { task: id, type, attempt } : { task: id, type, attempt, trace_id: traceId };
};
