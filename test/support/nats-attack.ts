import { addressOf, encode, type Names } from '@baton/protocols';
import { headers, type NatsConnection } from '@nats-io/transport-node';

/** What is there to be attacked: streams with a subject of each, and durable consumers. */
export type Target = {
  readonly streams: readonly { readonly name: string; readonly subject: string }[];
  readonly consumers: readonly { readonly stream: string; readonly name: string }[];
};

/** The API of JetStream as nats-server 2.15 lists it, without `$JS.API.`; each with bodies that would do something. */
const ACCOUNT_VERBS = [
  'INFO',
  'STREAM.NAMES',
  'STREAM.LIST',
  'META.LEADER.STEPDOWN',
  'META.RESCUE',
  'SERVER.REMOVE',
  'SERVER.EVACUATE',
  'ACCOUNT.PURGE.BATON',
];
const STREAM_VERBS = [
  'STREAM.CREATE',
  'STREAM.UPDATE',
  'STREAM.INFO',
  'STREAM.DELETE',
  'STREAM.PURGE',
  'STREAM.SNAPSHOT',
  'STREAM.RESTORE',
  'STREAM.MSG.DELETE',
  'STREAM.MSG.GET',
  'STREAM.PEER.REMOVE',
  'STREAM.PEER.EVACUATE',
  'STREAM.CANCEL_MOVE',
  'STREAM.LEADER.STEPDOWN',
  'ACCOUNT.STREAM.MOVE.BATON',
  'ACCOUNT.STREAM.CANCEL_MOVE.BATON',
  'DIRECT.GET',
  'CONSUMER.CREATE',
  'CONSUMER.NAMES',
  'CONSUMER.LIST',
];
const CONSUMER_VERBS = [
  'CONSUMER.CREATE',
  'CONSUMER.DURABLE.CREATE',
  'CONSUMER.INFO',
  'CONSUMER.DELETE',
  'CONSUMER.PAUSE',
  'CONSUMER.RESET',
  'CONSUMER.UNPIN',
  'CONSUMER.MSG.NEXT',
  'CONSUMER.LEADER.STEPDOWN',
  'CONSUMER.PEER.REMOVE',
  'CONSUMER.PEER.EVACUATE',
];

type Attempt = { readonly subject: string; readonly body: string | Uint8Array };

/** Pulls end within a moment, and say so with an empty message, which some requests take for a body. */
const PULL_NANOS = 50_000_000;

const bodiesOf = (verb: string, stream: string, subject: string, consumer: string): readonly object[] => {
  switch (verb) {
    case 'STREAM.CREATE':
    case 'STREAM.UPDATE':
      return [{ name: stream, subjects: ['attack.>'], storage: 'memory' }];
    case 'STREAM.MSG.GET':
    case 'DIRECT.GET':
      return [{ last_by_subj: subject }, { seq: 1 }];
    case 'STREAM.MSG.DELETE':
      return [{ seq: 1 }];
    case 'STREAM.SNAPSHOT':
      return [{ deliver_subject: subject }];
    case 'CONSUMER.CREATE':
    case 'CONSUMER.DURABLE.CREATE': {
      const config = { name: consumer, durable_name: consumer, ack_policy: 'explicit', filter_subject: 'attack.none' };
      return [
        { stream_name: stream, action: 'update', config },
        { stream_name: stream, config: { deliver_subject: subject, ack_policy: 'none', deliver_policy: 'all' } },
      ];
    }
    case 'CONSUMER.MSG.NEXT':
      return [{ batch: 1, expires: PULL_NANOS }, { no_wait: true }];
    case 'CONSUMER.PAUSE':
      return [{ pause_until: '2100-01-01T00:00:00Z' }];
    default:
      return [];
  }
};

/** Every subject of the API, with every stream and consumer, and with every body that makes sense for it. */
function* apiAttempts({ streams, consumers }: Target): Generator<Attempt> {
  const each = function* (subject: string, bodies: readonly object[]): Generator<Attempt> {
    yield { subject: `$JS.API.${subject}`, body: '' };
    for (const body of bodies) yield { subject: `$JS.API.${subject}`, body: JSON.stringify(body) };
  };
  for (const verb of ACCOUNT_VERBS) yield* each(verb, []);
  for (const { name, subject } of streams) {
    for (const verb of STREAM_VERBS) yield* each(`${verb}.${name}`, bodiesOf(verb, name, subject, 'attacker'));
    yield* each(`DIRECT.GET.${name}.${subject}`, []);
    yield* each(`CONSUMER.CREATE.${name}.attacker.${subject}`, bodiesOf('CONSUMER.CREATE', name, subject, 'attacker'));
  }
  for (const { stream, name } of consumers) {
    const subject = streams.find((one) => one.name === stream)?.subject ?? 'attack.none';
    for (const verb of CONSUMER_VERBS) {
      yield* each(`${verb}.${stream}.${name}`, bodiesOf(verb, stream, subject, name));
    }
    for (const version of [`$JS.ACK.${stream}.${name}`, `$JS.ACK._.hash.${stream}.${name}`]) {
      for (const body of ['', '+ACK', '-NAK', '+TERM', '+NXT', '+NXT {"batch":1}'])
        yield { subject: `${version}.1.1.1.1700000000000000000.0`, body };
    }
    yield { subject: `$JS.FC.${stream}.${name}.x`, body: '' };
  }
}

/** What an answer could be made to hit: every stream, and requests that take an empty body for a yes. */
const replies = ({ streams, consumers }: Target): readonly string[] => [
  ...streams.map(({ subject }) => subject),
  ...streams.flatMap(({ name }) => [`$JS.API.STREAM.DELETE.${name}`, `$JS.API.STREAM.PURGE.${name}`]),
  ...consumers.map(({ stream, name }) => `$JS.API.CONSUMER.DELETE.${stream}.${name}`),
];

const ours = (names: Names, target: Target): readonly Attempt[] => [
  { subject: names.findSubject, body: '019ad000-0000-7000-8000-000000000000' },
  {
    subject: names.standingSubject,
    body: encode([1, 'default', addressOf({ scope: 'shared', type: 'x', key: 'k' }), 'x']),
  },
  { subject: names.submitSubject('attack'), body: '{}' },
  { subject: names.cancelSubject, body: '{}' },
  { subject: names.signalSubject('w'), body: 'x' },
  { subject: names.progressSubject('t'), body: 'x' },
  ...target.streams.map(({ subject }) => ({ subject, body: 'attack' })),
  ...['PING', 'INFO', 'STATS'].map((verb) => ({ subject: `$SRV.${verb}`, body: '' })),
  ...[
    '$SYS.REQ.USER.INFO',
    '$SYS.REQ.ACCOUNT.PING.CONNZ',
    '$SYS.REQ.ACCOUNT.PING.STATZ',
    '$SYS.REQ.SERVER.PING.JSZ',
  ].map((subject) => ({ subject, body: '' })),
];

/**
 * Tries everything, with every reply: as it is, with the header that has the server send a trace of a message to a subject, and
 * with those that roll a stream up. Publishes only, so nothing has to be waited for. Gives how many.
 */
export const attack = async (nc: NatsConnection, names: Names, target: Target): Promise<number> => {
  let count = 0;
  const aims = replies(target);
  for (const { subject, body } of [...apiAttempts(target), ...ours(names, target)]) {
    for (const reply of aims) nc.publish(subject, body, { reply });
    const marks = headers();
    marks.set('Nats-Trace-Dest', aims[count % target.streams.length] ?? '');
    marks.set('Nats-Rollup', 'all');
    nc.publish(subject, body, { reply: aims[0] ?? '', headers: marks });
    count += aims.length + 1;
    // The server answers every one with a refusal: room to hear them.
    if (count % 4_000 < aims.length) await nc.flush();
  }
  await nc.flush();
  return count;
};
