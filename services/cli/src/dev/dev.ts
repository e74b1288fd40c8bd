import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Guard, LocalServerError, type Durability } from '@baton/local';
import { SERVICE_NAMES } from '../commands/services.ts';
import { readSettings, type Settings } from '@baton/runtime';
import { announceSystem } from '../local-system.ts';
import { runQuickstart } from '../quickstart/run.ts';
import { addressIn, choosePagePort, gatewayEnvironment, metricsEnvironment } from './gateway-address.ts';
import { startProcess, type ServiceProcess } from './processes.ts';
import { runsAlready } from './running-system.ts';
import { openServers, usesLocalServers, type Servers } from './servers.ts';
import { sayWhatNext } from './what-next.ts';
import { say, styled } from './terminal.ts';

export type DevOptions = {
  /** Where servers keep their data and services their logs. */
  readonly dataDir: string;
  readonly durability: Durability;
  readonly quickstart: boolean;
  /** End after the quick start. */
  readonly once: boolean;
};

/** Modules of task definitions the local worker serves. */
const QUICKSTART_TASKS = './quickstart.tasks.mjs';

/** Two signals within this are one wish. */
const SAME_PRESS_MS = 1_000;

/** Runs everything on this machine. Resolves with the exit code when it is over. */
export const runDev = async (options: DevOptions): Promise<number> => {
  const stage = new Stage(options);
  const stopped = stopRequested();
  try {
    const work = stage.run(stopped.signal);
    return await Promise.race([work, stopped.code, stage.broken]);
  } finally {
    stopped.forget();
    await stage.close();
  }
};

class Stage {
  readonly broken: Promise<number>;
  private readonly options: DevOptions;
  private readonly processes: ServiceProcess[] = [];
  private readonly guard = new Guard();
  private servers: Servers | undefined;
  private withdraw: () => void = () => {};
  private closing = false;
  private breakDown: (code: number) => void = () => {};

  constructor(options: DevOptions) {
    this.options = options;
    this.broken = new Promise((resolve) => {
      this.breakDown = resolve;
    });
  }

  async run(signal: AbortSignal): Promise<number> {
    const began = performance.now();
    const { dataDir, durability, quickstart, once } = this.options;
    // Whatever is wrong with them is told before anything is started.
    const settings = readSettings();
    if (usesLocalServers()) refuseSecond(dataDir);
    const page = await choosePagePort(settings, dataDir);
    this.servers = await openServers({
      settings,
      dataDir,
      durability,
      onUnexpectedExit: (what) => this.brokeDown(what),
    });
    if (signal.aborted) return 0;
    // Where the same folder was started meanwhile, its page has the port, and starting the servers has just been refused.
    page.keep();
    const address = await this.startServices(this.servers, settings, page.port);
    say(`Baton runs: NATS ${this.servers.natsUrl}, MongoDB ${this.servers.mongoUrl} (${seconds(began)})`);
    if (this.servers.isLocal) {
      this.withdraw = announceSystem(dataDir, {
        natsUrl: this.servers.natsUrl,
        mongoUrl: this.servers.mongoUrl,
        namespace: settings.namespace,
        ...(address === undefined ? {} : { pageUrl: address }),
      });
    }
    if (quickstart && !signal.aborted) await runQuickstart(this.servers, signal);
    if (once || signal.aborted) return 0;
    if (address !== undefined) say(`\nThe task list is open at ${styled('bold', address)}`);
    sayWhatNext(dataDir, this.servers, settings);
    say(`Services run on; their logs are in ${join(dataDir, 'logs')}. Ctrl-C stops everything.`);
    return new Promise<number>(() => {});
  }

  async close(): Promise<void> {
    this.closing = true;
    this.withdraw();
    await Promise.all(this.processes.map((each) => each.stop()));
    await this.servers?.stop();
    this.guard.end();
  }

  /** Resolves with the address of the page. */
  private async startServices(servers: Servers, settings: Settings, pagePort: number): Promise<string | undefined> {
    const { dataDir } = this.options;
    const env = {
      ...gatewayEnvironment(settings),
      NATS_URL: servers.natsUrl,
      MONGODB_URL: servers.mongoUrl,
      BATON_HTTP_PORT: String(pagePort),
    };
    const tasks = fileURLToPath(new URL(QUICKSTART_TASKS, import.meta.url));
    const logs = await Promise.all(
      SERVICE_NAMES.map(async (name, i) => {
        const service = startProcess({
          name,
          args: name === 'worker' ? [name, '--tasks', tasks, ...settings.taskModules] : [name],
          env: { ...env, ...metricsEnvironment(settings, i) },
          logFolder: join(dataDir, 'logs'),
          guard: this.guard,
          onExit: (how, why) => this.brokeDown(`${how}\n${why}`.trimEnd()),
        });
        this.processes.push(service);
        const log = await service.started;
        return name === 'gateway' ? log : '';
      }),
    );
    return addressIn(logs.join(''));
  }

  private brokeDown(what: string): void {
    if (this.closing) return;
    say(`\n${what}\nThe logs are in ${join(this.options.dataDir, 'logs')}.`);
    this.breakDown(1);
  }
}

const refuseSecond = (dataDir: string): void => {
  const why = runsAlready(dataDir);
  if (why !== undefined) throw new LocalServerError('DATA_DIR_IN_USE', why);
};

/** Signals that end it in order, and their numbers: Ctrl-C, a request, a terminal that was closed or a launcher that is gone. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** A second signal ends it at once. */
const stopRequested = () => {
  const controller = new AbortController();
  let stop: (code: number) => void = () => {};
  const code = new Promise<number>((resolve) => {
    stop = resolve;
  });
  let askedAt = 0;
  const onSignal = (signal: keyof typeof SIGNALS): void => {
    if (controller.signal.aborted) {
      // Under npm one Ctrl-C arrives twice: from the terminal and from npm.
      if (performance.now() - askedAt < SAME_PRESS_MS) return;
      process.exit(128 + SIGNALS[signal]);
    }
    askedAt = performance.now();
    say('\nStopping. Once more ends it at once.');
    controller.abort();
    stop(0);
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const name of names) process.on(name, onSignal);
  const forget = (): void => {
    if (controller.signal.aborted) return;
    for (const name of names) process.off(name, onSignal);
  };
  return { signal: controller.signal, code, forget };
};

const seconds = (began: number): string => `${((performance.now() - began) / 1_000).toFixed(1)} s`;
