export { connectNats } from './connect.ts';
export {
  ApiError,
  AuthorizationFailedError,
  EpochChangedError,
  StoreBusyError,
  StoreTimeoutError,
  StreamMismatchError,
  TlsFailedError,
} from './errors.ts';
export { deadLetterAt, listDeadLetters } from './inspect/dead-letters.ts';
export { inspectNats } from './inspect/inspect.ts';
export { connectPorts } from './ports.ts';
export { serviceConnection } from './connection/service-connection.ts';
export { DURABLE_FLOOR, isAtLeast, SERVER_FLOOR } from './connection/server-check.ts';
export { listen } from './wire.ts';

export type { NatsSettings, NatsWire } from './connect.ts';
export type { DeadLetter } from './inspect/dead-letters.ts';
export type { ConsumerFinding, NatsFindings, ProjectionFinding, StreamFinding } from './inspect/inspect.ts';
export type { ServerFinding } from './inspect/servers.ts';
export type { NatsPorts, NatsPortsSettings } from './ports.ts';
export type { CommitMode } from './commit/group-commit.ts';
export type { JetStreamApi, Publisher, PublishOptions, Wire } from './wire.ts';
