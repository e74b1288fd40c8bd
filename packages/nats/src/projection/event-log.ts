import { headers as ourHeaders, partitionOfAddress, typeTokenOf, untoken } from '@baton/protocols';
import type { EventLog } from '@baton/runtime';
import type { NatsWire } from '../connect.ts';
import { headerNames } from '../commit/header-bytes.ts';
import { eventId, readEvent } from '../streams/event-message.ts';
import { StreamReader } from '../streams/stream-reader.ts';

export const createEventLog = (wire: NatsWire): EventLog => {
  const { names, publisher, epoch } = wire;
  return {
    append: ({ address, revision, bytes }) =>
      publisher.publish(names.eventSubject(partitionOfAddress(address), untoken(typeTokenOf(address))), bytes, {
        headers: {
          [headerNames.id]: eventId(epoch, revision),
          [ourHeaders.revision]: String(revision),
          [ourHeaders.address]: address,
        },
      }),
    reader: (consumer, options) =>
      StreamReader.open(wire, {
        stream: names.eventsStream,
        consumer,
        options,
        read: readEvent,
      }),
  };
};
