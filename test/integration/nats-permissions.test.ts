// The shipped server configuration: what no role may do, tried as that role.
import { connectPorts } from '@baton/nats';
import { namesOf, streamConfigs } from '@baton/protocols';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { startRolesServer, type Role } from '../support/roles.ts';
import { thrownBy } from '../support/stage.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats permissions');

const names = namesOf();
const LIMIT = { limitMs: 60_000 };

/** What the server says to a role that tries. */
const isRefused = async (nc: NatsConnection, subject: string): Promise<boolean> => {
  const error = await thrownBy(() => nc.request(subject, '', { timeout: 1_000 }));
  return /permissions violation/i.test(`${error.message} ${String(error.cause)}`);
};

const record = names.recordSubject('00.perm=double.00000000000000000000000000000000');
const everyStream = streamConfigs(names, { replicas: 1 }).map(({ name }) => name);
const ofStreams = (verbs: readonly string[], except: readonly string[] = []): readonly string[] =>
  verbs
    .flatMap((verb) => everyStream.map((stream) => `$JS.API.${verb}.${stream}`))
    .filter((subject) => !except.includes(subject));
const consumer = (stream: string, name: string): readonly string[] =>
  ['CREATE', 'INFO', 'DELETE', 'MSG.NEXT', 'PAUSE', 'RESET', 'UNPIN', 'DURABLE.CREATE'].map(
    (verb) => `$JS.API.CONSUMER.${verb}.${stream}.${name}`,
  );

/** Nobody but an operator. */
const never = [
  ...ofStreams(['STREAM.UPDATE', 'STREAM.DELETE', 'STREAM.MSG.DELETE', 'STREAM.SNAPSHOT', 'STREAM.RESTORE']),
  ...ofStreams(['STREAM.PURGE'], [`$JS.API.STREAM.PURGE.${names.objectsStream}`]),
  ...['$SYS.REQ.SERVER.PING', '$SYS.REQ.SERVER.PING.JSZ', '$SYS.REQ.ACCOUNT.PING.CONNZ', 'other'],
  ...['$JS.API.STREAM.LIST', '$JS.API.SERVER.REMOVE', '$JS.API.META.LEADER.STEPDOWN', '$JS.API.ACCOUNT.PURGE.BATON'],
];
const purge = `$JS.API.STREAM.PURGE.${names.objectsStream}`;
const ofProjections = [
  ...Object.values(names.projections).flatMap((name) => consumer(names.tasksStream, name)),
  names.eventSubject('00', 'x'),
];
/** How far they are may be looked at for metrics. */
const ofProjectionsButInfo = ofProjections.filter((subject) => !subject.includes('.INFO.'));
/** For who claims, and nobody else: a copy may be behind. */
const directReads = ['', '.x'].map((key) => `$JS.API.DIRECT.GET.${names.tasksStream}${key}`);
const ofCommands = [...consumer(names.commandsStream, names.commandsConsumer), names.deadSubject('x')];
const node = (role: 'worker' | 'supervisor' | 'projector'): string => names.nodeSubject(role, 'x');

const forbidden: Readonly<Record<Exclude<Role, 'operator'>, readonly string[]>> = {
  supervisor: [
    ...never,
    ...ofProjections,
    ...consumer(names.eventsStream, 'x'),
    ...[node('projector'), names.submitSubject('x'), names.workBeatSubject, '_INBOX_observer.x'],
  ],
  worker: [
    ...never,
    ...[names.workClaimSubject(), names.workBeatSubject, names.workFinishSubject],
    ...ofProjections,
    ...ofCommands,
    ...consumer(names.tasksStream, 'x'),
    ...consumer(names.eventsStream, 'x'),
    ...ofStreams(['STREAM.CREATE']),
    ...[purge, node('supervisor'), node('projector'), names.findSubject, '_INBOX_publisher.x', '_INBOX_gateway.x'],
  ],
  projector: [
    ...never,
    ...directReads,
    ...ofCommands,
    ...consumer(names.eventsStream, 'observer'),
    ...[node('worker'), node('supervisor'), names.findSubject, names.signalSubject('w'), names.progressSubject('x')],
    ...[names.objectSubject('x'), names.chunkSubject('x'), names.standingSubject, '_INBOX_publisher.x'],
  ],
  gateway: [
    ...never,
    ...directReads,
    ...ofProjectionsButInfo,
    ...ofCommands,
    ...consumer(names.eventsStream, 'x'),
    ...ofStreams(['STREAM.CREATE']),
    ...[node('supervisor'), node('projector'), names.findSubject, names.offerSubject('w')],
    ...['_INBOX_publisher.x', '_INBOX_worker.x'],
  ],
  publisher: [
    ...never,
    ...directReads,
    ...ofCommands,
    ...ofProjections,
    ...consumer(names.eventsStream, 'x'),
    ...ofStreams(['STREAM.CREATE', 'CONSUMER.CREATE', 'CONSUMER.LIST']),
    ...[purge, record, node('worker'), names.operationSubject('x'), names.findSubject, names.signalSubject('w')],
    ...['_INBOX_supervisor.x', '_INBOX_worker.x', names.liveSubject('x')],
  ],
  observer: [
    ...never,
    ...directReads,
    ...ofCommands,
    ...ofProjections,
    ...consumer(names.eventsStream, 'another'),
    ...ofStreams(['STREAM.CREATE', 'CONSUMER.CREATE', 'CONSUMER.LIST']),
    ...[
      `$JS.API.CONSUMER.CREATE.${names.eventsStream}.observer`,
      `$JS.API.CONSUMER.DELETE.${names.eventsStream}.observer`,
    ],
    ...[purge, record, names.submitSubject('x'), names.cancelSubject, names.findSubject, names.signalSubject('w')],
    ...['_INBOX_publisher.x', '_INBOX_supervisor.x', names.workClaimSubject('x'), names.standingSubject],
  ],
  remote_worker: [
    ...never,
    ...directReads,
    ...ofCommands,
    ...ofProjections,
    ...consumer(names.tasksStream, 'x'),
    ...consumer(names.eventsStream, 'x'),
    ...ofStreams(['STREAM.CREATE', 'STREAM.INFO', 'STREAM.MSG.GET', 'CONSUMER.CREATE', 'CONSUMER.LIST']),
    ...[purge, record, node('worker'), names.operationSubject('x'), names.submitSubject('x'), names.cancelSubject],
    ...[names.findSubject, names.signalSubject('w'), names.progressSubject('x'), names.liveSubject('x')],
    ...[names.creditSubject('all'), names.offerSubject('w'), names.announceSubject('w'), '$JS.API.INFO'],
    names.standingSubject,
    ...['_INBOX_supervisor.x', '_INBOX_worker.x', '_R_.x.y', `${names.workPrefix}other`],
  ],
};

const unheard: Readonly<Record<Exclude<Role, 'operator'>, readonly string[]>> = {
  supervisor: ['>', '_INBOX_publisher.>', '_INBOX_gateway.>', names.allCommands, names.allRecords],
  worker: ['>', '_INBOX_supervisor.>', '_INBOX_publisher.>', names.allCommands, names.allNodes, names.findSubject],
  projector: ['>', '_INBOX_worker.>', names.allCommands, names.allRecords, names.signalSubject('*')],
  gateway: ['>', '_INBOX_worker.>', names.allCommands, names.allRecords, names.findSubject],
  publisher: ['>', '_INBOX_observer.>', names.allCommands, names.allEvents, names.signalSubject('*')],
  observer: ['>', '_INBOX_publisher.>', names.allCommands, names.allEvents, names.signalSubject('*')],
  remote_worker: ['>', '_INBOX_worker.>', '_R_.>', names.allWork, names.allLive, names.offerSubject('*')],
};

test(
  'no role may do what another one is for',
  async (context) => {
    const server = await startRolesServer(context);
    for (const role of Object.keys(forbidden) as (keyof typeof forbidden)[]) {
      const nc = await server.raw(role);
      await Promise.all(
        forbidden[role].map(async (subject) => {
          assert.ok(await isRefused(nc, subject), `${role} may publish ${subject}`);
        }),
      );
      for (const subject of unheard[role]) {
        const failure = await new Promise<unknown>((done) => {
          nc.subscribe(subject, { callback: (error) => done(error) });
        });
        assert.match(String(failure), /permissions violation/i, `${role} may subscribe ${subject}`);
      }
    }
  },
  LIMIT,
);

test(
  'whoever may write to a stream cannot empty it by a header',
  async (context) => {
    const server = await startRolesServer(context);
    const { servers, natsUser: user, natsPassword: password, inboxPrefix } = server.login('operator');
    const ports = await connectPorts({ servers, user, password, inboxPrefix });
    context.defer(() => ports.close());
    await ports.data.put('kept', new Uint8Array(1_000));
    const nc = await server.raw('worker');
    const rollUp = headers();
    rollUp.set('Nats-Rollup', 'all');
    for (const subject of [names.objectSubject('x'), names.chunkSubject('x'), record, names.operationSubject('x')]) {
      const answer = (await nc.request(subject, 'x', { headers: rollUp, timeout: 5_000 })).json<{
        readonly error?: object;
      }>();
      assert.ok(answer.error, `${subject}: ${JSON.stringify(answer)}`);
    }
    assert.is((await ports.data.get('kept'))?.length, 1_000);
  },
  LIMIT,
);

test(
  'who has no right to read from copies is told nothing, and does not go on asking; who has it reads',
  async (context) => {
    const server = await startRolesServer(context);
    const portsOf = async (role: Role) => {
      const { servers, natsUser: user, natsPassword: password, inboxPrefix } = server.login(role);
      const ports = await connectPorts({ servers, user, password, inboxPrefix, role: 'publisher' });
      context.defer(() => ports.close());
      return ports;
    };
    const made = server.login('operator');
    const { servers, natsUser: user, natsPassword: password, inboxPrefix } = made;
    const operator = await connectPorts({ servers, user, password, inboxPrefix });
    context.defer(() => operator.close());
    const address = sampleAddress('copy');
    const result = await operator.store.write(address, sampleBytes('copy'), 0);
    const [worker, gateway] = [await portsOf('worker'), await portsOf('gateway')];
    assert.is(result.kind === 'written' && result.revision, (await worker.store.loadFromCopy(address))?.revision);
    let refusals = 0;
    void (async () => {
      for await (const { type } of gateway.wire.nc.status()) if (type === 'error') refusals++;
    })();
    for (let i = 0; i < 20; i++) assert.is(await gateway.store.loadFromCopy(address), undefined);
    await eventually(() => assert.is(refusals, 1));
  },
  LIMIT,
);

test.run();
