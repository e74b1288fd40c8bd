/** Stable codes of everything this package refuses or fails with. Messages may change, codes do not. */
export type LocalErrorCode =
  | 'LOCAL_NATS_UNAVAILABLE'
  | 'LOCAL_MONGO_UNAVAILABLE'
  | 'LOCAL_REDIS_UNAVAILABLE'
  | 'LOCAL_TEMPORAL_UNAVAILABLE'
  | 'LOCAL_CHROMIUM_UNAVAILABLE'
  | 'LOCAL_PROMTOOL_UNAVAILABLE'
  | 'LOCAL_TOOL_UNAVAILABLE'
  | 'LOCAL_SERVERS_UNAVAILABLE'
  | 'LOCAL_SETTING_INVALID'
  | 'LOCAL_START_FAILED'
  | 'DATA_DIR_IN_USE'
  | 'PORT_TAKEN';

export class LocalServerError extends Error {
  override readonly name: string = 'LocalServerError';
  readonly code: LocalErrorCode;

  constructor(code: LocalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One way that was tried and why it did not give a server. */
export type Attempt = { readonly way: string; readonly reason: string };

/** No way gave a server. `attempts` holds each way in the order it was tried. */
export class ServerUnavailableError extends LocalServerError {
  override readonly name = 'ServerUnavailableError';
  readonly attempts: readonly Attempt[];

  constructor(code: LocalErrorCode, what: string, attempts: readonly Attempt[], advice: string) {
    const tried = attempts.map(({ way, reason }) => `  - ${way}: ${reason}`);
    super(code, [`No ${what} was found or installed. Tried:`, ...tried, advice].join('\n'));
    this.attempts = attempts;
  }
}

/** Both servers are missing: one error that tells both stories. */
export class ServersUnavailableError extends LocalServerError {
  override readonly name = 'ServersUnavailableError';
  readonly parts: readonly ServerUnavailableError[];

  constructor(parts: readonly ServerUnavailableError[]) {
    super('LOCAL_SERVERS_UNAVAILABLE', parts.map((part) => part.message).join('\n'));
    this.parts = parts;
  }
}

export class PortTakenError extends LocalServerError {
  override readonly name = 'PortTakenError';
  readonly port: number;

  constructor(server: string, port: number) {
    super(
      'PORT_TAKEN',
      `Port ${port} for ${server} is taken by another program on 127.0.0.1. Stop that program, name another port, or name none to get a free one.`,
    );
    this.port = port;
  }
}

/** What went wrong, in one line, whatever was thrown. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).trim();
