export {
  addressOf,
  allPartitions,
  hashOf,
  isTaskId,
  isUuid,
  outcomeKeyOf,
  parseAddress,
  parseOutcomeKey,
  partitionOf,
  partitionOfAddress,
  typeTokenOf,
} from './address.ts';
export { messageOf } from './thrown.ts';
export { readTraceContext, traceContextIn, traceIdOf, TRACE_STATE_LENGTH } from './trace-context.ts';
export { jsonPieces } from './json-pieces.ts';
export { decode, DecodeError, decodeData, decodeLargeData, encode, encodeData, encodeSized } from './codec.ts';
export { readDataText, textOfData, viewOfData, viewOfDataText } from './data-text.ts';
export {
  digestOf,
  encodeAnnouncement,
  encodeDefinition,
  fitsDefinition,
  readAnnouncement,
  readDefinition,
} from './definition.ts';
export { encodeQueueSettings, queueSettingsSchema, readQueueSettings, typeLimitsSchema } from './queue-settings.ts';
export {
  ANNOUNCE_MS,
  ARCHIVE_TTL_MS,
  AWAITED_TTL_MS,
  DEAD_MAX_AGE_MS,
  DURATION_LIMIT_MS,
  EVENTS_DUPLICATES_MS,
  EVENTS_MAX_AGE_MS,
  LEASE_MS,
  LEASE_RENEW_MS,
  MAX_DELAY_MS,
  MAX_BLOCK_MS,
  LOAD_LIMIT_MS,
  LOAD_LIMIT_RANGE_MS,
  MAX_BLOCK_RANGE_MS,
  OPERATION_TTL_MS,
  ORPHAN_OBJECT_AGE_MS,
  PROGRESS_LIVE_MS,
  PROGRESS_THROTTLE_MS,
  PROJECTION_READER_MS,
  STORE_TIMEOUT_MS,
  WORK_BEAT_MS,
  WORK_FORGOTTEN_MS,
  WORK_WAIT_LIMIT_MS,
} from './defaults.ts';
export {
  ARGS_SCHEMA_LIMIT,
  BACKFILL_TIMES,
  ARGUMENTS_LIMIT,
  ATTEMPTS_LIMIT,
  BACKOFF_FACTOR_LIMIT,
  COMMAND_LIMIT,
  COMMANDS_MAX_BYTES,
  CONCURRENCY_LIMIT,
  DATA_DEPTH,
  DATA_LIMIT,
  DATA_NODES,
  DEAD_MAX_BYTES,
  DEFINITION_LIMIT,
  GROUP_LENGTH,
  QUEUE_COUNT_LIMIT,
  QUEUE_SETTINGS_LIMIT,
  RATE_WINDOW_MS,
  UNITS_LIMIT,
  WEIGHT_LIMIT,
  DESCRIPTION_LENGTH,
  EVENTS_MAX_BYTES,
  ERROR_MESSAGE_LENGTH,
  ERROR_STACK_LENGTH,
  INLINE_DATA_LIMIT,
  LEFT_INLINE_LIMIT,
  KEY_LENGTH,
  LARGE_DATA_NODES,
  NAME_LENGTH,
  CANCEL_HANDLE_LIMIT,
  STEP_NAME_LENGTH,
  NAME_PATTERN,
  isOwnType,
  OWN_TYPE_PREFIX,
  TYPE_PATTERN,
  NODE_ID_PATTERN,
  OBJECT_CHUNK,
  PARTITIONS,
  PAYLOAD_LIMIT,
  RECORD_LIMIT,
  RECORD_ROOM,
  RESCUES_LIMIT,
  SCHEDULE_CRONS,
  SCHEDULE_DATES,
  SCHEDULE_LIMIT,
  STORE_RESERVE,
  TITLE_LENGTH,
  TYPE_LENGTH,
  USER_LENGTH,
  TASKS_MAX_BYTES_LEAST,
  WORK_ANSWER_BYTES,
  WORK_CLAIM_TASKS,
  WORK_CLAIM_TYPES,
  WORK_DATA_LIMIT,
} from './limits.ts';
export { InexactNumberError, parseExactJson } from './exact-json.ts';
export {
  DEFAULT_NAMESPACE,
  headers,
  namesOf,
  paddedBase64Url,
  PRIORITIES,
  PROJECTIONS,
  token,
  untoken,
} from './names.ts';
export { objectName, objectOwner, objectsIn, objectsOf, type ObjectPart } from './objects.ts';
export { EncodeError } from './plain.ts';
export { recordSchema } from './record-schema.ts';
export { decodeRecord, encodeRecord, readRecord, readRecordAt } from './record.ts';
export { metadataKeys, streamConfigs } from './streams.ts';
export { documentOf, searchTextOf } from './document.ts';

export type { SettingsReading } from './queue-settings.ts';
export type { Address, Identity, OutcomeKey } from './address.ts';
export type { Sized } from './codec.ts';
export type { DataReading } from './data-text.ts';
export type { Served } from './definition.ts';
export type {
  ChildDocument,
  DependencyDocument,
  Provenance,
  SignalDocument,
  StepDocument,
  TaskDocument,
} from './document.ts';
export type { Lane, Names, NodeRole } from './names.ts';
export type { SchemaPart } from './kind-forms.ts';
export type { RecordReading } from './record.ts';
export type { StreamConfig, StreamOptions } from './streams.ts';
export {
  encodeSchedule,
  readSchedule,
  scheduleAddressOf,
  scheduleSchema,
  type ScheduleReading,
} from './schedule-record.ts';
