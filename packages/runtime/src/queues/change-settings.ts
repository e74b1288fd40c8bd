import {
  emptySettings,
  type Actor,
  type LimitWish,
  type QueuePart,
  type QueueSettings,
  type SettingsCommand,
} from '@baton/core';
import { checkField, checkNames, optionNames, requireField, rules } from '../client/rules.ts';
import { BatonError, InvalidArgumentError, OutcomeUnknownError, PermissionDeniedError } from '../errors.ts';
import type { Ports } from '../ports.ts';
import { checkMost } from './check-limit.ts';
import { placeOfQueue, type SettingsKernel } from './settings-actor.ts';

/** A change as it is wanted, from whatever door. */
export type SettingsWish = { readonly queue: string; readonly why?: string } & (
  | { readonly kind: 'pause' | 'resume'; readonly part: QueuePart }
  | { readonly kind: 'limit'; readonly limit: LimitWish }
  | { readonly kind: 'weigh'; readonly group: string; readonly weight: number }
);

export type SettingsParts = { readonly kernel: SettingsKernel; readonly ports: Pick<Ports, 'clock'> };

/**
 * Changes what is set for a queue; what is so already is no change. Throws PermissionDeniedError for who is no admin,
 * InvalidArgumentError for what cannot be meant, BatonError `SETTINGS_FULL`, OutcomeUnknownError, and a BatonError while
 * the store cannot be reached.
 */
export const changeSettings = async (
  { kernel, ports }: SettingsParts,
  actor: Actor,
  wish: SettingsWish,
): Promise<QueueSettings> => {
  checkWish(wish);
  const { queue } = wish;
  const command: SettingsCommand = { ...wish, at: ports.clock.now(), actor };
  const asked = await kernel.ask(placeOfQueue(queue), () => command);
  switch (asked.kind) {
    case 'done':
      return asked.record;
    case 'refused':
      if (asked.reason === 'admin_required')
        throw new PermissionDeniedError('PERMISSION_DENIED', 'only an admin changes what a queue does');
      if (asked.reason === 'nothing_set') return emptySettings(queue);
      throw new BatonError('SETTINGS_FULL', `no more can be set for the queue ${queue}: take something back first`);
    case 'failed':
      throw asked.cause;
    case 'unknown':
      throw new OutcomeUnknownError(`it is not known whether this took effect: ${asked.cause.message}`, {
        cause: asked.cause,
      });
  }
};

/** What is set for a queue; empty where nothing is. Rejects with a BatonError when that cannot be read. */
export const loadSettings = async (
  { kernel }: Pick<SettingsParts, 'kernel'>,
  queue: string,
): Promise<QueueSettings> => {
  requireField('queue', queue, rules.queue);
  return (await kernel.load(placeOfQueue(queue)))?.record ?? emptySettings(queue);
};

const checkWish = (wish: SettingsWish): void => {
  requireField('queue', wish.queue, rules.queue);
  checkField('why', wish.why, rules.why);
  switch (wish.kind) {
    case 'pause':
    case 'resume':
      return checkPart(wish.part);
    case 'limit':
      return checkLimit(wish.limit);
    case 'weigh':
      requireField('group', wish.group, rules.group);
      return requireField('weight', wish.weight, rules.weight);
  }
};

const PART_NAMES = optionNames<QueuePart>({ type: true, group: true });
const LIMIT_NAMES = optionNames<LimitWish>({
  of: true,
  name: true,
  type: true,
  concurrency: true,
  whenFull: true,
  rate: true,
});

const checkPart = (part: QueuePart): void => {
  checkNames(part, PART_NAMES);
  const { type, group } = part;
  checkField('type', type, rules.typeName);
  checkField('group', group, rules.group);
  if (type !== undefined && group !== undefined)
    throw new InvalidArgumentError('type, group: cannot both be given; pause one after the other');
};

const NAME_RULES = { type: rules.typeName, group: rules.group, key: rules.limitKey };

const checkLimit = (limit: LimitWish): void => {
  checkNames(limit, LIMIT_NAMES);
  const { of, name, type } = limit;
  requireField('of', of, rules.counted);
  if (of === 'queue' && name !== undefined) throw new InvalidArgumentError('name: a queue has one limit for all of it');
  if (of !== 'queue') checkField('name', name, NAME_RULES[of]);
  checkField('type', type, rules.typeName);
  if (type !== undefined && of !== 'group' && of !== 'key')
    throw new InvalidArgumentError('type: belongs to limits of groups and keys; a type is limited by its name');
  checkMost(limit);
  if (limit.whenFull !== undefined && of !== 'group' && of !== 'key')
    throw new InvalidArgumentError(
      'whenFull: belongs to limits of groups and keys; what waits for a queue or a type waits',
    );
};
