import {
  decideSettings,
  evolveSettings,
  type QueueSettings,
  type SettingsAnswer,
  type SettingsCommand,
  type SettingsEvent,
  type SettingsRefusal,
} from '@baton/core';
import { encodeQueueSettings, QUEUE_SETTINGS_LIMIT, readQueueSettings, type Address } from '@baton/protocols';
import { UnreadableRecordError } from '../errors.ts';
import { createActorKernel, type KernelOf } from '../kernel/actor-kernel.ts';
import type { ActorKind } from '../kernel/actor-kind.ts';
import type { KernelPorts } from '../kernel/mailbox-types.ts';

/** What is set for a queue, as a kind of actor: its decider is that of `packages/core`, its codec that of `protocols`. */
export type SettingsActor = {
  readonly state: QueueSettings;
  readonly command: SettingsCommand;
  readonly event: SettingsEvent;
  readonly answer: SettingsAnswer;
  readonly reason: SettingsRefusal;
};

export type SettingsKernel = KernelOf<SettingsActor>;

/** Where the actor of a queue stands, in a bucket that holds no other kind. */
export const placeOfQueue = (queue: string): Address => queue as Address;

export const createSettingsKernel = (ports: KernelPorts): SettingsKernel => createActorKernel(kind, ports);

const kind: ActorKind<SettingsActor> = {
  decide: decideSettings,
  evolve: evolveSettings,
  encode: encodeQueueSettings,
  decode: ({ address, bytes }) => {
    const reading = readQueueSettings(bytes, address);
    switch (reading.kind) {
      case 'settings':
        return reading.settings;
      case 'newer': {
        const text = `what is set for the queue ${address} is of version ${reading.version}: upgrade this program`;
        throw new UnreadableRecordError('RECORD_NEWER', text);
      }
      case 'corrupt':
        throw new UnreadableRecordError(
          'RECORD_CORRUPT',
          `what is set for the queue ${address} cannot be read: ${reading.reason}`,
        );
    }
  },
  sizeLimit: QUEUE_SETTINGS_LIMIT,
  roomLimit: QUEUE_SETTINGS_LIMIT,
  noRoom: 'settings_full',
  takesRoom: () => true,
  isStep: () => false,
  obstacle: () => undefined,
  keep: () => undefined,
  stored: () => {},
};
