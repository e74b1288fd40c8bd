import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNats, type Durability, type NatsServer } from '@baton/local';
import { connectMongo, type Mongo } from '@baton/mongo';
import { connectPorts, type NatsPorts } from '@baton/nats';
import { parseAddress, parseOutcomeKey, streamConfigs } from '@baton/protocols';
import type { Entry } from '@baton/runtime';
import { connect, type Baton } from '@baton/sdk';
import { editStream } from './edit-stream.ts';
import { SystemProcess } from './system-process.ts';
import type { TestContext } from './test-body.ts';

export type SystemOptions = {
  /** A NATS server for this test alone, so that it can be killed. Otherwise the shared one, in a namespace of its own. */
  readonly ownNats?: boolean;
  /** Of the own server; `durable` when not given. */
  readonly durability?: Durability;
  /** Most bytes of all records. */
  readonly tasksMaxBytes?: number;
  /** How many of each; 1 when not given. */
  readonly supervisors?: number;
  readonly workers?: number;
  readonly projectors?: number;
  /** Modules of tasks the workers serve; those of `fixture-tasks.ts` when not given. */
  readonly tasks?: readonly string[];
  /** For all processes, on top of what the system gives them. */
  readonly env?: Readonly<Record<string, string>>;
};

export type System = {
  readonly natsUrl: string;
  readonly mongoUrl: string;
  readonly namespace: string;
  /** The own server. Throws when the test shares one. */
  readonly nats: NatsServer;
  readonly mongo: Mongo;
  /** A client as `alice`; `as` makes others of it. */
  readonly baton: Baton;
  /** The ports, to look at what is stored. */
  readonly ports: NatsPorts;
  readonly workers: readonly SystemProcess[];
  readonly supervisors: readonly SystemProcess[];
  readonly projectors: readonly SystemProcess[];
  /** Every record write the server has repeated to whoever listens, since before the first process was started. */
  readonly heard: readonly Heard[];
  /** Where handlers of `fixture-tasks.ts` write what they do. */
  readonly effectsPath: string;
  /** What a process of this system gets as its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** One more process, not started yet. */
  readonly service: (kind: ServiceKind, name?: string, env?: Readonly<Record<string, string>>) => SystemProcess;
};

export type ServiceKind = 'worker' | 'supervisor' | 'projector' | 'gateway';

/** Task modules as workers load them. */
export const FIXTURE_TASKS = fileURLToPath(new URL('./fixture-tasks.mjs', import.meta.url));
export const QUICKSTART_TASKS = resolve('services/cli/dist/quickstart.tasks.mjs');

const READY = '"msg":"started"';

/** A service as it is built. */
export const mainOf = (service: ServiceKind | 'cli'): string => resolve(`services/${service}/dist/main.mjs`);

export const sharedServers = (): { readonly natsUrl: string; readonly mongoUrl: string } => {
  const { NATS_URL, MONGODB_URL } = process.env;
  if (!NATS_URL || !MONGODB_URL) throw new Error('NATS_URL and MONGODB_URL are not set: run this by test/run.mjs');
  return { natsUrl: NATS_URL, mongoUrl: MONGODB_URL };
};

/** Starts a whole system of real processes for one test. All of it is gone when the test is over. */
export const startSystem = async (context: TestContext, options: SystemOptions = {}): Promise<System> => {
  const { defer, signal } = context;
  const id = randomBytes(4).toString('hex');
  const namespace = `T${id.toUpperCase()}`;
  const shared = sharedServers();
  const nats = options.ownNats ? await startNats({ durability: options.durability ?? 'durable' }) : undefined;
  if (nats !== undefined) defer(() => nats.stop());
  const natsUrl = nats?.url ?? shared.natsUrl;
  const mongoUrl = databaseUrl(shared.mongoUrl, `baton_test_${id}`);
  const mongo = await openMongo(mongoUrl, defer);
  const ports = await connectPorts({
    servers: natsUrl,
    namespace,
    ...(options.tasksMaxBytes === undefined ? {} : { tasksMaxBytes: options.tasksMaxBytes }),
  });
  defer(() => ports.close());
  if (nats === undefined) defer(() => deleteStreams(ports));
  const heard = await listenToRecords(ports);
  const baton = await connect({ servers: natsUrl, namespace, user: { id: 'alice' } });
  defer(() => baton.close());
  const folder = mkdtempSync(join(tmpdir(), 'baton-system-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  const effectsPath = join(folder, 'effects.jsonl');

  const env = {
    NATS_URL: natsUrl,
    MONGODB_URL: mongoUrl,
    BATON_NAMESPACE: namespace,
    BATON_TASKS: (options.tasks ?? [FIXTURE_TASKS]).join(','),
    BATON_TEST_EFFECTS: effectsPath,
    ...options.env,
  };
  const all: SystemProcess[] = [];
  defer(() => endAll(all, signal.aborted));
  const service = (
    kind: ServiceKind,
    name: string = kind,
    more: Readonly<Record<string, string>> = {},
  ): SystemProcess => {
    const made = new SystemProcess({ name, args: [mainOf(kind)], env: { ...env, ...more }, readyWhen: READY });
    all.push(made);
    return made;
  };
  const several = (kind: ServiceKind, count = 1): readonly SystemProcess[] =>
    Array.from({ length: count }, (_, i) => service(kind, `${kind} ${i + 1}`));
  const supervisors = several('supervisor', options.supervisors);
  const projectors = several('projector', options.projectors);
  const workers = several('worker', options.workers);
  await Promise.all(all.map((each) => each.start()));
  return {
    natsUrl,
    mongoUrl,
    namespace,
    get nats() {
      if (nats === undefined) throw new Error('this system shares its NATS server: start it with ownNats');
      return nats;
    },
    mongo,
    baton,
    ports,
    workers,
    supervisors,
    projectors,
    heard,
    effectsPath,
    env,
    service,
  };
};

/** `outcomeOf`: a copy of that task's outcome, kept beside the record. */
export type Heard = Entry & {
  /** When it was stored, by the server's clock: the clocks of processes are some milliseconds apart. */
  readonly storedAt: number;
  readonly outcomeOf?: string;
};

/** Every version of every record: here the server repeats each write, so that none is missed that is written over soon. */
const listenToRecords = async (ports: NatsPorts): Promise<readonly Heard[]> => {
  const { nc, names } = ports.wire;
  const prefix = `heard.${names.namespace}.`;
  await editStream(ports, names.tasksStream, { republish: { src: names.allRecords, dest: `${prefix}>` } });
  const heard: Heard[] = [];
  nc.subscribe(`${prefix}>`, {
    callback: (error, { subject, data, headers }) => {
      const key = subject.slice(prefix.length);
      const outcome = parseOutcomeKey(key);
      const address = outcome?.address ?? parseAddress(key);
      const revision = Number(headers?.get('Nats-Sequence'));
      const storedAt = Date.parse(headers?.get('Nats-Time-Stamp') ?? '');
      // A throw in here would end the connection; what is left out shows as a hole in the revisions.
      if (error === null && address !== undefined && revision > 0 && storedAt > 0) {
        heard.push({
          address,
          revision,
          storedAt,
          bytes: data,
          ...(outcome === undefined ? {} : { outcomeOf: outcome.id }),
        });
      }
    },
  });
  await nc.flush();
  return heard;
};

/** The database in the path of a MongoDB address. */
export const databaseUrl = (url: string, database: string): string => {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
};

const openMongo = async (url: string, defer: TestContext['defer']): Promise<Mongo> => {
  const mongo = await connectMongo({ url });
  defer(() => mongo.close());
  defer(() => mongo.db.dropDatabase());
  return mongo;
};

/** The shared server serves the next test too. */
const deleteStreams = async ({ wire: { api, names } }: NatsPorts): Promise<void> => {
  for (const { name } of streamConfigs(names, { replicas: 1 }).toReversed()) {
    await api.call(`STREAM.DELETE.${name}`);
  }
};

/** Takes away what a program of a test left in a namespace of its own. */
export const deleteNamespace = async (servers: string, namespace: string): Promise<void> => {
  const ports = await connectPorts({ servers, namespace });
  await deleteStreams(ports);
  await ports.close();
};

const TAIL_CHARS = 8_000;

const endAll = async (all: readonly SystemProcess[], failed: boolean): Promise<void> => {
  await Promise.all(all.map((each) => each.destroy()));
  if (!failed) return;
  for (const { name, output } of all) console.log(`--- ${name} ---\n${output.slice(-TAIL_CHARS)}`);
};
