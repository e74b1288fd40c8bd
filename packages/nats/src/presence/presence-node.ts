import { decode, encode, NAME_PATTERN, type NodeRole } from '@baton/protocols';
import { InvalidArgumentError, type FullRecord, type NodeInfo, type NodeState } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';

/** What stands under a node's key. */

/** A worker may serve many types; their names are all there is that grows. */
const NODE_LIMIT = 256 * 1024;
const TEXT_LENGTH = 256;
const ID_PATTERN = /^[A-Za-z0-9_-]{1,100}$/;

const ROLES: readonly NodeRole[] = ['worker', 'supervisor', 'projector'];
const STATES: readonly NodeState[] = ['ready', 'draining', 'blocked'];

/** Header of a key-value store's tombstone: whoever reads the bucket with other tools sees the key as deleted. */
export const OPERATION_HEADER = 'KV-Operation';
export const DELETED = 'DEL';

export const encodeNode = (info: NodeInfo): Uint8Array => encode(info);

/** Throws InvalidArgumentError for what nobody else could read, or what would not make a subject. */
export const checkNode = (info: NodeInfo): void => {
  if (!ID_PATTERN.test(info.id)) {
    throw new InvalidArgumentError(`a node id is 1 to 100 letters, digits, '-' and '_'; got '${info.id}'`);
  }
  if (readNode(encodeNode(info), info.role, info.id) === undefined) {
    throw new InvalidArgumentError('this node cannot be announced: others could not read its description');
  }
};

/** Undefined for bytes that are no description of this node. */
export const readNode = (bytes: Uint8Array, role: NodeRole, id: string): NodeInfo | undefined => {
  const node = fieldsOf(bytes);
  if (node === undefined || node['role'] !== role || node['id'] !== id) return undefined;
  const { host, pid, startedAt, state, queues, types, cancels, concurrency, running, clockAheadMs, fullRecords } = node;
  if (!isText(host) || !isCount(pid) || !isTime(startedAt) || !isState(state)) return undefined;
  if (clockAheadMs !== undefined && !isTime(clockAheadMs)) return undefined;
  if (fullRecords !== undefined && !areFullRecords(fullRecords)) return undefined;
  if (!areNames(cancels)) return undefined;
  if (!areNames(queues) || !areNames(types) || !mayCount(concurrency) || !mayCount(running)) return undefined;
  return {
    role,
    id,
    host,
    pid,
    startedAt,
    state,
    ...(queues === undefined ? {} : { queues }),
    ...(types === undefined ? {} : { types }),
    ...(cancels === undefined ? {} : { cancels }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(running === undefined ? {} : { running }),
    ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
    ...(fullRecords === undefined ? {} : { fullRecords }),
  };
};

/** The node a subject `<prefix><role>.<id>` is about. */
export const nodeOf = (
  prefix: string,
  subject: string,
): { readonly role: NodeRole; readonly id: string } | undefined => {
  if (!subject.startsWith(prefix)) return undefined;
  const [role, id, ...more] = subject.slice(prefix.length).split('.');
  if (id === undefined || more.length > 0 || !ID_PATTERN.test(id)) return undefined;
  return isRole(role) ? { role, id } : undefined;
};

/** A tombstone, ours or one that somebody's tool wrote. */
export const hasLeft = (headers: Msg['headers']): boolean => (headers?.get(OPERATION_HEADER) ?? '') !== '';

const fieldsOf = (bytes: Uint8Array): Record<string, unknown> | undefined => {
  try {
    const value = decode(bytes, NODE_LIMIT);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Decoding throws for bytes that are no data and for nothing else; the caller counts and reports them.
    return undefined;
  }
};

const isRole = (value: unknown): value is NodeRole => ROLES.some((role) => role === value);
const isState = (value: unknown): value is NodeState => STATES.some((state) => state === value);
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= TEXT_LENGTH;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** One that a Date can hold. */
const isTime = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= 8.64e15;
const mayCount = (value: unknown): value is number | undefined => value === undefined || isCount(value);
const areNames = (value: unknown): value is readonly string[] | undefined =>
  value === undefined ||
  (Array.isArray(value) && value.every((each) => typeof each === 'string' && NAME_PATTERN.test(each)));

const areFullRecords = (value: unknown): value is readonly FullRecord[] =>
  Array.isArray(value) && value.every((each) => isText(each?.task) && isCount(each?.bytes));
