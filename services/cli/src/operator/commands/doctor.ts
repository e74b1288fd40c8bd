import type { KeptDefinition } from '@baton/core';
import { inspectNats, SERVER_FLOOR, type NatsFindings } from '@baton/nats';
import { durabilityOf } from './durability.ts';
import { EVENTS_MAX_BYTES, isOwnType, namesOf, RECORD_ROOM } from '@baton/protocols';
import { BatonError, type RecordStore } from '@baton/runtime';
import { say, styled } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { bytesText, sayJson, timeText } from '../output.ts';
import { natsSettings, type Session } from '../session.ts';
import { isServed, unservedText } from '../waiting.ts';
import type { Finding } from './finding.ts';
import { lookAtNodes, type SeenNode } from './workers.ts';

/** Clocks further apart make delayed starts and what people read wrong. */
const SKEW_MS = 2_000;

/** Looks at all a system needs, changes nothing, and says what is wrong and what to do. */
export const doctor = async (session: Session): Promise<number> => {
  const findings: Finding[] = [];
  const nats = await checkNats(session, findings);
  const whole =
    nats !== undefined && nats.streams.every(({ exists, differences }) => exists && differences.length === 0);
  if (whole) await checkNodes(session, nats, findings);
  await checkMongo(session, findings);
  const failed = findings.some(({ level }) => level === 'fail');
  if (session.json) sayJson({ healthy: !failed, findings });
  else show(findings);
  return failed ? exitCodes.unhealthy : exitCodes.ok;
};

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const;

const show = (findings: readonly Finding[]): void => {
  for (const { check, level, found, advice } of findings) {
    const [colour, mark] = MARKS[level];
    say(`${styled(colour, mark)}  ${check.padEnd(16)}  ${found}`);
    if (advice !== undefined) say(`${' '.repeat(24)}${styled('dim', advice)}`);
  }
};

const NATS_ADVICE: Readonly<Record<string, string>> = {
  NOT_CONNECTED: 'check that nats-server runs at NATS_URL and can be reached from here',
  AUTHORIZATION_FAILED: 'check NATS_USER and NATS_PASSWORD, or NATS_CREDS, and NATS_INBOX_PREFIX',
  SERVER_TOO_OLD: `upgrade nats-server to ${SERVER_FLOOR} or newer`,
  JETSTREAM_DISABLED: 'start nats-server with JetStream (-js, or a jetstream block), and for this account',
};

const checkNats = async (session: Session, findings: Finding[]): Promise<NatsFindings | undefined> => {
  const { settings } = session;
  const at = settings.nats.servers.map((server) => server.replace(/\/\/.*@/, '//')).join(', ');
  let nats: NatsFindings;
  try {
    nats = await inspectNats(natsSettings(settings));
  } catch (error) {
    findings.push(failure('NATS', error, (code) => NATS_ADVICE[code] ?? 'see the message'));
    return undefined;
  }
  findings.push({ check: 'NATS', level: 'ok', found: `nats-server ${nats.version} at ${at}, JetStream on` });
  findings.push(
    ...durabilityOf(nats),
    skewOf(nats),
    ...streamsOf(nats, settings.namespace),
    ...eventLogOf(nats, settings.namespace),
    ...consumersOf(nats),
    ...leftOverOf(nats),
    ...projectionsOf(nats, settings.projector.lagWarnMs),
  );
  return nats;
};

const skewOf = ({ skewMs }: NatsFindings): Finding => {
  const found = `this clock and the server's are ${Math.abs(skewMs)} ms apart`;
  if (Math.abs(skewMs) <= SKEW_MS) return { check: 'clock', level: 'ok', found };
  return { check: 'clock', level: 'warn', found, advice: 'keep the clocks of all machines in step (NTP, chrony)' };
};

const streamsOf = ({ streams }: NatsFindings, namespace: string): readonly Finding[] => {
  const missing = streams.filter(({ exists }) => !exists);
  if (missing.length === streams.length) {
    const found = `nothing of the namespace ${namespace} is there`;
    return [
      { check: 'streams', level: 'warn', found, advice: 'start a service: it makes them; or set BATON_NAMESPACE' },
    ];
  }
  const findings = streams.flatMap(({ name, exists, differences }): readonly Finding[] => {
    if (!exists)
      return [
        {
          check: 'streams',
          level: 'fail',
          found: `${name} is missing`,
          advice: 'start any service again: it makes what is missing',
        },
      ];
    return differences.map(({ field, wanted, actual }) => ({
      check: 'streams',
      level: 'fail',
      found: `${name}: ${field} is ${JSON.stringify(actual) ?? 'not set'}, ${JSON.stringify(wanted) ?? 'unset'} is needed`,
      advice: `put it right with: nats stream edit ${name}; what cannot be edited means a new namespace`,
    }));
  });
  const bytes = streams.reduce((sum, stream) => sum + stream.bytes, 0);
  if (findings.length > 0) return findings;
  return [{ check: 'streams', level: 'ok', found: `${streams.length} as they have to be, ${bytesText(bytes)}` }];
};

/** One that was changed reads on without a word, and lag counts only what it still takes. */
const consumersOf = ({ consumers }: NatsFindings): readonly Finding[] => {
  const findings = consumers.flatMap(({ stream, name, differences }) =>
    differences.map(({ field, wanted, actual }): Finding => ({
      check: 'consumers',
      level: 'fail',
      found: `${name} of ${stream}: ${field} is ${JSON.stringify(actual) ?? 'not set'}, ${JSON.stringify(wanted) ?? 'unset'} is needed`,
      advice: 'somebody has changed it: start the service that reads it again, which mends it, and look at who may',
    })),
  );
  if (findings.length > 0) return findings;
  return [{ check: 'consumers', level: 'ok', found: `${consumers.length} as they have to be` }];
};

/** Harmless but for what it holds up and costs; and whoever looks at it takes its place for somebody's. */
const leftOverOf = ({ leftOver }: NatsFindings): readonly Finding[] =>
  leftOver.map(({ stream, name }) => ({
    check: 'consumers',
    level: 'warn',
    found: `${name} of ${stream} was made by an earlier version, and nothing of ours reads it any more`,
    advice: `take it away: nats consumer rm ${stream} ${name}`,
  }));

/** How far back the log goes is what its limit means to who follows it or rebuilds from it. */
const eventLogOf = ({ streams }: NatsFindings, namespace: string): readonly Finding[] => {
  const check = 'event log';
  const log = streams.find(({ name }) => name === namesOf(namespace).eventsStream);
  if (log === undefined || !log.exists) return [];
  const back = log.oldestAt === undefined ? 'empty' : `back to ${timeText(new Date(log.oldestAt))} UTC`;
  if (log.maxBytes !== undefined)
    return [{ check, level: 'ok', found: `${bytesText(log.bytes)} of ${bytesText(log.maxBytes)}, ${back}` }];
  const advice = `it keeps seven days, whatever they take: nats stream edit ${log.name} --max-bytes ${EVENTS_MAX_BYTES}`;
  return [{ check, level: 'warn', found: `${bytesText(log.bytes)}, without a limit, ${back}`, advice }];
};

const projectionsOf = ({ projections, skewMs }: NatsFindings, lagWarnMs: number): readonly Finding[] =>
  projections.map(({ name, progress }): Finding => {
    const check = `projection ${name}`;
    if (progress === undefined)
      return {
        check,
        level: 'warn',
        found: 'nobody has ever read for it',
        advice: 'start a projector: baton projector',
      };
    const { behind, oldestAt } = progress;
    if (oldestAt === undefined) return { check, level: 'ok', found: 'has all of the bucket' };
    const ageMs = Math.max(0, Date.now() + skewMs - oldestAt);
    const found = `${behind} versions behind, the oldest of ${(ageMs / 1_000).toFixed(1)} s ago`;
    if (ageMs <= lagWarnMs) return { check, level: 'ok', found };
    const advice =
      name === 'archive'
        ? 'it waits for the other projections; look at the log of the projectors'
        : 'look at the log of the projectors: does its target answer?';
    return { check, level: 'warn', found, advice };
  });

const checkNodes = async (session: Session, nats: NatsFindings, findings: Finding[]): Promise<void> => {
  let nodes: readonly SeenNode[];
  try {
    const ports = await session.ports();
    findings.push(roomIn(ports.store));
    nodes = await lookAtNodes(ports);
    findings.push(...definitionsOf(await (await session.baton()).types()));
  } catch (error) {
    findings.push(failure('nodes', error, () => 'see the message'));
    return;
  }
  const alive = nodes.filter((node) => node.alive);
  const needed = [
    ['supervisor', 'nothing starts, times out or is rescued without one: baton supervisor'],
    ['projector', 'lists and finished tasks wait for one: baton projector'],
  ] as const;
  for (const [role, advice] of needed) {
    const count = alive.filter((node) => node.role === role).length;
    if (count === 0) findings.push({ check: role, level: 'fail', found: 'none is alive', advice });
    else findings.push({ check: role, level: 'ok', found: `${count} alive` });
  }
  // Whoever only calls tasks inline is a worker without types, and a gateway one of Baton's own.
  const takers = alive.filter(({ role, types = [] }) => role === 'worker' && types.length > 0);
  const workers = takers.filter(({ types = [] }) => !types.every(isOwnType));
  const hasSupervisor = alive.some(({ role }) => role === 'supervisor');
  findings.push(...workersOf(workers, hasSupervisor), ...unservedOf(takers, nats), ...fullRecordsOf(alive));
};

/** One definition for each type, or the workers share its tasks and run them differently (behaviour D10). */
const definitionsOf = (kept: readonly KeptDefinition[]): readonly Finding[] => {
  const check = 'definitions';
  const torn = kept.filter(({ conflicts }) => conflicts.length > 0);
  if (torn.length === 0) return [{ check, level: 'ok', found: `${kept.length} types known, workers agree` }];
  return torn.map(({ definition: { type }, worker, conflicts }) => ({
    check,
    level: 'warn',
    found: `${type}: that of ${worker} is applied; ${conflicts
      .map((other) => `${other.worker} has another ${other.fields.join(', ').replaceAll(/Ms\b/g, '')}`)
      .join('; ')}`,
    advice: 'restart the workers that run another version, or give one of the two types another name',
  }));
};

const roomIn = ({ shortage }: Pick<RecordStore, 'shortage'>): Finding => {
  const check = 'room';
  if (shortage === undefined) return { check, level: 'ok', found: 'new tasks are taken' };
  const advice =
    'ended tasks make room within a minute; or raise the limit: nats stream edit --max-bytes, or the account';
  return { check, level: 'fail', found: `new tasks are refused: ${shortage}`, advice };
};

/** Of workers in other languages supervisors tell: without one nobody sees them. */
const workersOf = (workers: readonly SeenNode[], hasSupervisor: boolean): readonly Finding[] => {
  if (workers.length === 0)
    return [
      {
        check: 'worker',
        level: 'warn',
        found: hasSupervisor ? 'none is alive' : 'none is seen; those in other languages are seen with a supervisor',
        advice: hasSupervisor ? 'nothing is run: baton worker --tasks ./tasks.ts' : 'start a supervisor first',
      },
    ];
  const blocked = workers.filter(({ state }) => state === 'blocked');
  const slots = workers.reduce((sum, { concurrency = 0 }) => sum + concurrency, 0);
  const running = workers.reduce((sum, worker) => sum + (worker.running ?? 0), 0);
  return [
    { check: 'worker', level: 'ok', found: `${workers.length} alive, ${running} of ${slots} slots in use` },
    ...blocked.map(({ id }): Finding => ({
      check: 'worker',
      level: 'warn',
      found: `${id}: its event loop is blocked`,
      advice: "run what computes for long in a thread: task({ isolation: 'thread' }, ...)",
    })),
    ...workers
      .filter(({ clockAheadMs }) => clockAheadMs !== undefined)
      .map(({ id, host, clockAheadMs = 0 }): Finding => ({
        check: 'worker',
        level: 'warn',
        found: `${id}: the clock of ${host} is ${Math.round(Math.abs(clockAheadMs) / 1_000)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} the server's`,
        advice: 'Baton goes by the clock of nats-server, other programs on that machine do not: set its clock (NTP)',
      })),
  ];
};

/** As the supervisors that are alive tell it: reading all records would take minutes where there are many. */
const fullRecordsOf = (alive: readonly SeenNode[]): readonly Finding[] =>
  alive
    .flatMap(({ fullRecords = [] }) => fullRecords)
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, FULL_RECORDS_SHOWN)
    .map(({ task, bytes }) => ({
      check: 'full record',
      level: 'warn',
      found: `task ${task}: its record holds ${bytesText(bytes)}; what others add to it is refused from ${bytesText(RECORD_ROOM)} on`,
      advice: 'it runs and ends as any other; to make room let subscribers leave, or cancel what waits behind it',
    }));

const FULL_RECORDS_SHOWN = 10;

const unservedOf = (workers: readonly SeenNode[], { lanes }: NatsFindings): readonly Finding[] =>
  lanes
    .filter(({ queue, type }) => !isServed(workers, type, queue))
    .map(({ queue, type, priority, waiting }) => ({
      check: 'worker',
      level: 'warn',
      found: `${waiting} wait (${priority}): ${unservedText(workers, type, queue)}`,
      advice: `start a worker with that task: baton worker --tasks … --queues ${queue}`,
    }));

const checkMongo = async ({ settings }: Session, findings: Finding[]): Promise<void> => {
  const check = 'MongoDB';
  try {
    const { connectMongo, createTaskViews } = await import('@baton/mongo');
    const mongo = await connectMongo({ ...settings.mongo, appName: 'baton-doctor' });
    try {
      const kind = mongo.kind === 'mongod' ? 'MongoDB' : 'DocumentDB or FerretDB';
      findings.push({ check, level: 'ok', found: `${kind}, database ${mongo.db.databaseName}` });
      const views = createTaskViews(mongo);
      for (const which of ['newer', 'corrupt', 'refused', 'foreign'] as const) {
        const aside = await views.quarantined(which, 1_000);
        const [first] = aside;
        if (first === undefined) continue;
        const count = aside.length === 1_000 ? 'over 1,000' : String(aside.length);
        findings.push({
          check: 'quarantine',
          level: 'warn',
          found: `${count} ${which}: ${first.subject}: ${first.reason}`,
          advice: ASIDE_ADVICE[which],
        });
      }
    } finally {
      await mongo.close();
    }
  } catch (error) {
    findings.push(
      failure(check, error, () => 'check MONGODB_URL, and that its server runs and can be reached from here'),
    );
  }
};

const ASIDE_ADVICE = {
  newer: 'written by a newer version: upgrade the projector, it takes them up by itself',
  corrupt: 'no record can be read from these bytes: look at the collection quarantine',
  refused: 'the database did not take these documents: look at the collection quarantine',
  foreign: 'somebody publishes to our subjects what is no record: look at permissions',
} as const;

const failure = (check: string, error: unknown, advice: (code: string) => string): Finding => {
  if (!(error instanceof BatonError)) throw error;
  return { check, level: 'fail', found: `${error.code}: ${error.message}`, advice: advice(error.code) };
};
