import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { exactNow, KIB, loadSettings, runLaps, sampleEach, submitLaps } from './load.ts';

/**
 * What its users write for a task that has to be run once: a workflow that runs one activity. Its packages are not among our
 * dependencies (see `ensureTemporal`), so what is used of them is described here.
 */

type Client = {
  readonly workflow: {
    readonly start: (
      workflow: string,
      options: { readonly taskQueue: string; readonly workflowId: string; readonly args: readonly unknown[] },
    ) => Promise<unknown>;
    readonly count: (query: string) => Promise<{ readonly count: number }>;
  };
};

type Connection = {
  readonly workflowService: {
    readonly registerNamespace: (request: object) => Promise<unknown>;
    readonly describeNamespace: (request: object) => Promise<unknown>;
  };
};

type ClientPackage = {
  readonly Connection: { readonly connect: (options: { readonly address: string }) => Promise<Connection> };
  readonly Client: new (options: { readonly connection: Connection; readonly namespace: string }) => Client;
};

type WorkerPackage = {
  readonly NativeConnection: { readonly connect: (options: { readonly address: string }) => Promise<unknown> };
  readonly Worker: { readonly create: (options: object) => Promise<{ readonly run: () => Promise<void> }> };
  readonly Runtime: { readonly install: (options: object) => unknown };
  readonly DefaultLogger: new (level: string) => object;
};

const NAMESPACE = 'bench';
const QUEUE = 'noop';
const RETENTION_SECONDS = 86_400;

/** The server tells its own services of a namespace after some seconds. */
const KNOWN_WITHIN_MS = 60_000;

const WORKFLOW = `const { proxyActivities } = require('@temporalio/workflow');
const { work } = proxyActivities({ startToCloseTimeout: '1 minute' });
exports.noop = (data) => work(data);
`;

const packages = (): string => process.env['TEMPORAL_PACKAGES'] ?? '';
const address = (): string => process.env['TEMPORAL_ADDRESS'] ?? '';

const load = <T>(name: string): T => createRequire(join(packages(), 'package.json'))(name) as T;

const open = async (): Promise<Client> => {
  const { Connection, Client } = load<ClientPackage>('@temporalio/client');
  const connection = await Connection.connect({ address: address() });
  const { workflowService } = connection;
  const until = performance.now() + KNOWN_WITHIN_MS;
  for (;;) {
    try {
      await workflowService.describeNamespace({ namespace: NAMESPACE });
      return new Client({ connection, namespace: NAMESPACE });
    } catch (error) {
      if (performance.now() > until) throw error;
      const workflowExecutionRetentionPeriod = { seconds: RETENTION_SECONDS };
      // The other process may have done so a moment ago.
      await workflowService
        .registerNamespace({ namespace: NAMESPACE, workflowExecutionRetentionPeriod })
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
};

const begin = async (client: Client, workflowId: string, data: object): Promise<void> => {
  await client.workflow.start('noop', { taskQueue: QUEUE, workflowId, args: [data] });
};

/** Runs workflows and their activities until the process ends. */
const serve = async (work: (data: { readonly sentAt: number }) => Promise<void>): Promise<void> => {
  const { concurrency } = loadSettings();
  const { NativeConnection, Worker, Runtime, DefaultLogger } = load<WorkerPackage>('@temporalio/worker');
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const workflowsPath = join(packages(), 'noop-workflow.cjs');
  await writeFile(workflowsPath, WORKFLOW);
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: address() }),
    namespace: NAMESPACE,
    taskQueue: QUEUE,
    workflowsPath,
    activities: { work },
    maxConcurrentActivityTaskExecutions: concurrency,
    maxConcurrentWorkflowTaskExecutions: concurrency,
  });
  void worker.run().catch((error: unknown) => {
    throw error;
  });
};

/** Starts all workflows, each under its key. */
export const temporalProducer = async (): Promise<void> => {
  const data = loadSettings().kind === 'kib' ? KIB : { sentAt: 0 };
  const client = await open();
  await untilStarted(client);
  await submitLaps((key) => begin(client, key, data));
};

/** It knows of the namespace, and its queue is there. */
const untilStarted = async (client: Client): Promise<void> => {
  const until = performance.now() + KNOWN_WITHIN_MS;
  for (;;) {
    try {
      await client.workflow.count('ExecutionStatus="Running"');
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
};

export const temporalWorker = async (): Promise<void> => {
  const client = await open();
  await untilStarted(client);
  let ran = 0;
  await runLaps({
    start: () => serve(async () => void ran++),
    ran: () => ran,
    // A workflow ends after its activity.
    rests: async () => (await client.workflow.count('ExecutionStatus="Running"')).count === 0,
  });
};

export const temporalLatency = async (): Promise<void> => {
  const latencies: number[] = [];
  const client = await open();
  await untilStarted(client);
  await serve(async ({ sentAt }) => void latencies.push(exactNow() - sentAt));
  await sampleEach(latencies, (key) => begin(client, key, { sentAt: exactNow() }));
};
