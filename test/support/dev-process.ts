// `baton dev` as a process of its own, with a mark in its environment by which all that belongs to it is found.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMongo } from '@baton/mongo';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { livingWith, type Living } from './living-processes.ts';
import { databaseUrl, deleteNamespace, mainOf, sharedServers } from './system-fixture.ts';
import { SystemProcess } from './system-process.ts';
import type { TestContext } from './test-body.ts';

export type Dev = {
  readonly process: SystemProcess;
  /** Every process that belongs to it and lives. */
  readonly living: () => readonly Living[];
};

/** Nothing of this process's own servers and settings reaches it. */
export const bareEnvironment = (): Readonly<Record<string, undefined>> =>
  Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^(NATS_|MONGODB_|BATON_(?!LOCAL_))/.test(name))
      .map((name) => [name, undefined]),
  );

export const dev = (
  { defer, signal }: TestContext,
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  /** What `node` runs; the built command line when not given. */
  program: readonly string[] = [mainOf('cli'), 'dev'],
): Dev => {
  const mark = `mark-${randomBytes(8).toString('hex')}`;
  const made = new SystemProcess({
    name: 'baton dev',
    args: [...program, '--data', folder, ...args],
    // Any port: the one people get may be theirs, or another test's.
    env: { ...bareEnvironment(), BATON_HTTP_PORT: '0', ...env, BATON_TEST_MARK: mark },
  });
  const living = (): readonly Living[] => livingWith([mark, folder]);
  defer(async () => {
    if (signal.aborted) console.log(`--- baton dev ---\n${made.output.slice(-8_000)}`);
    await made.destroy();
    await nothingLeft(living);
  });
  return { process: made, living };
};

export const nothingLeft = async (living: Dev['living']): Promise<void> =>
  eventually(() => assert.equal(living(), [], 'processes are left behind'), { limitMs: 10_000, everyMs: 100 });

export const temporaryFolder = ({ defer }: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-dev-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** The servers of the test run, in a namespace and a database of their own. */
export const ownServers = ({
  defer,
}: TestContext): Readonly<Record<'NATS_URL' | 'MONGODB_URL' | 'BATON_NAMESPACE', string>> => {
  const id = randomBytes(4).toString('hex');
  const { natsUrl, mongoUrl } = sharedServers();
  const env = {
    NATS_URL: natsUrl,
    MONGODB_URL: databaseUrl(mongoUrl, `baton_test_${id}`),
    BATON_NAMESPACE: `D${id.toUpperCase()}`,
  };
  defer(async () => {
    const mongo = await connectMongo({ url: env.MONGODB_URL });
    await mongo.db.dropDatabase();
    await mongo.close();
    await deleteNamespace(natsUrl, env.BATON_NAMESPACE);
  });
  return env;
};
