import {
  encodeAnnouncement,
  encodeDefinition,
  readAnnouncement,
  readDefinition,
  token,
  untoken,
  type Names,
} from '@baton/protocols';
import { BatonError, type Definitions, type DefinitionsListener } from '@baton/runtime';
import type { NatsWire } from '../connect.ts';
import { BucketFollower, readKey, type RepeatedBucket } from './bucket-follower.ts';
import { listen } from '../wire.ts';

const NOTHING = new Uint8Array();

/** Definitions in a bucket of their own; workers and supervisors tell each other on core subjects. */
export const createDefinitions = (wire: NatsWire): Definitions => {
  const { names, nc, link } = wire;
  const bucket = bucketOf(names);
  const tell = (subject: string, bytes: Uint8Array): void => {
    if (link.connected) nc.publish(subject, bytes);
  };
  return {
    announce: (worker, served) => {
      for (const bytes of encodeAnnouncement(served)) tell(names.announceSubject(worker), bytes);
    },
    onAnnounced: (listener) =>
      listen(wire, names.allAnnounced, ({ subject, data }) => {
        const worker = subject.slice(names.announcePrefix.length);
        const served = readAnnouncement(data, worker);
        // None is announced by nobody.
        if (served.length > 0) listener(served);
        else wire.onFault('definitions', new Error(`what worker ${worker} announces cannot be read`));
      }),
    ask: () => tell(names.askSubject, NOTHING),
    onAsked: (listener) => listen(wire, names.askSubject, () => listener()),
    load: async (type) => {
      const stored = await readKey(wire, bucket, token(type));
      if (stored === undefined || stored.bytes.length === 0) return undefined;
      const kept = readDefinition(stored.bytes, type);
      if (kept !== undefined) return { kept, revision: stored.revision };
      throw new BatonError(
        'DEFINITION_UNREADABLE',
        `the definition of ${type} cannot be read, or is of a newer version`,
      );
    },
    write: (kept, expected) =>
      wire.publisher.publish(names.definitionSubject(kept.definition.type), encodeDefinition(kept), { expected }),
    follow: ({ caughtUp, lost, ...listener }) =>
      BucketFollower.start(wire, bucket, {
        key: (key, revision, bytes) => tellOf(listener, untoken(key), revision, bytes),
        caughtUp,
        lost,
      }),
  };
};

const bucketOf = (names: Names): RepeatedBucket => ({
  stream: names.definitionsStream,
  prefix: names.definitionPrefix,
  all: names.allDefinitions,
  repeatedPrefix: names.definedPrefix,
  allRepeated: names.allDefined,
});

type Listener = Pick<DefinitionsListener, 'kept' | 'gone' | 'unreadable'>;

const tellOf = (listener: Listener, type: string, revision: number, bytes: Uint8Array): void => {
  if (bytes.length === 0) return listener.gone(type);
  const kept = readDefinition(bytes, type);
  if (kept === undefined) listener.unreadable(type);
  else listener.kept(kept, revision);
};
