import { canSee, type Actor } from '@baton/core';
import type { MongoTaskViews } from '@baton/mongo';
import { connectPorts, type NatsPorts } from '@baton/nats';
import { isUuid, type TaskDocument } from '@baton/protocols';
import {
  BatonError,
  checkField,
  InvalidArgumentError,
  readSettings,
  rules,
  type Settings,
  silentLog,
  ownedIn,
} from '@baton/runtime';
import { createBaton, TaskNotFoundError, type Baton, type TaskHandle } from '@baton/sdk';

/** Options every operator command takes. */
export type Who = { readonly user?: string; readonly admin?: boolean; readonly json?: boolean };

/** What commands work with; connections are made when they are asked for first, and closed at the end. */
export type Session = {
  readonly settings: Settings;
  readonly json: boolean;
  readonly actor: Actor;
  readonly ports: () => Promise<NatsPorts>;
  readonly baton: () => Promise<Baton>;
  readonly views: () => Promise<MongoTaskViews>;
  /** The document of a task this user may see. Throws InvalidArgumentError for what is no id, BatonError (TASK_NOT_FOUND). */
  readonly document: (id: string) => Promise<TaskDocument>;
  /** A live handle where the record is still there, the document otherwise. */
  readonly task: (id: string) => Promise<{ readonly document: TaskDocument; readonly handle: TaskHandle | undefined }>;
};

/** Who did not say for whom he acts is the operator, who may see and do everything. */
const OPERATOR = { id: 'operator', admin: true } as const;

/** A task that was scheduled a moment ago is in the projection a moment later. */
const PROJECTED_LIMIT_MS = 3_000;
const LOOK_EVERY_MS = 100;
const FRESH_MS = 60_000;

const notFound = (): BatonError =>
  new BatonError(
    'TASK_NOT_FOUND',
    'no such task: MongoDB has none of this id (not yet, where a projector is behind), it was pruned, or it is not for this user to see',
  );

export const withSession = async <T>(who: Who, body: (session: Session) => Promise<T>): Promise<T> => {
  const settings = readSettings();
  const closing: (() => Promise<unknown>)[] = [];
  checkField('--user', who.user, rules.user);
  const user = who.user === undefined ? OPERATOR : { id: who.user, admin: who.admin ?? false };
  const actor: Actor = { user: user.id, admin: user.admin };

  const ports = once(async () => {
    const made = await connectPorts(natsSettings(settings));
    closing.push(() => made.close());
    return made;
  });
  const baton = once(async () => {
    const made = createBaton({
      ports: await ports(),
      user,
      nodeName: 'baton-cli',
      enabled: settings.enabled,
      unknownTypes: settings.unknownTypes,
      log: silentLog,
    });
    closing.push(() => made.close());
    return made;
  });
  const views = once(async () => {
    const { connectMongo, createTaskViews } = await import('@baton/mongo');
    const mongo = await connectMongo({ ...settings.mongo, appName: 'baton-cli' });
    closing.push(() => mongo.close());
    return createTaskViews(mongo);
  });
  const document = async (id: string): Promise<TaskDocument> => {
    if (!isUuid(id)) throw new InvalidArgumentError(`'${id}' is no id of a task: \`baton list\` shows them, whole`);
    const all = await views();
    for (const until = performance.now() + PROJECTED_LIMIT_MS; ; await pause(LOOK_EVERY_MS)) {
      const found = await all.get(id);
      if (found !== undefined && isVisible(found, actor)) return found;
      if (found !== undefined || !isFresh(id) || performance.now() >= until) throw notFound();
    }
  };
  const task: Session['task'] = async (id) => {
    const found = await document(id);
    try {
      return { document: found, handle: await (await baton()).open({ uuid: id, address: found.address }) };
    } catch (error) {
      if (!(error instanceof TaskNotFoundError)) throw error;
      return { document: found, handle: undefined };
    }
  };

  try {
    return await body({ settings, json: who.json ?? false, actor, ports, baton, views, document, task });
  } finally {
    for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
  }
};

export const natsSettings = ({ nats, namespace, streams }: Settings) => ({
  servers: nats.servers,
  name: 'baton-cli',
  namespace,
  ...streams,
  ...(nats.credsFile === undefined ? {} : { creds: nats.credsFile }),
  ...(nats.user === undefined ? {} : { user: nats.user }),
  ...(nats.password === undefined ? {} : { password: nats.password }),
  ...(nats.inboxPrefix === undefined ? {} : { inboxPrefix: nats.inboxPrefix }),
  ...(nats.tls === undefined ? {} : { tls: nats.tls }),
  onFault: () => {},
});

const isVisible = (document: TaskDocument, actor: Actor): boolean => canSee(ownedIn(document), actor);

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Made within the last moments, by the time in its id: worth waiting for. */
const isFresh = (id: string): boolean => {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id) ?? [];
  if (high === undefined || low === undefined) return false;
  return Math.abs(Date.now() - Number.parseInt(high + low, 16)) < FRESH_MS;
};
