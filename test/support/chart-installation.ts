import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNats } from '@baton/local';
import * as assert from 'uvu/assert';
import { createAuthority } from './certificates.ts';
import { eventually } from './eventually.ts';
import { freePort, freePorts } from './free-port.ts';
import { envOf } from './manifest-rules.ts';
import { manifestsIn, renderChart, type Container, type Manifest } from './manifests.ts';
import { mainOf } from './system-fixture.ts';
import { SystemProcess } from './system-process.ts';
import type { TestContext } from './test-body.ts';

/** One pod of the chart as a process of this machine. */
export type Pod = {
  readonly name: string;
  readonly process: SystemProcess;
  /** Resolves when the probe that the manifest names for it answers 200. */
  readonly ready: () => Promise<void>;
};

export type Installation = {
  /** Addresses of all servers. */
  readonly urls: readonly string[];
  readonly nats: readonly Pod[];
  /** Of a Deployment: another pod of it, not started. */
  readonly pod: (deployment: string, env?: Readonly<Record<string, string>>) => Promise<Pod>;
  /** How a program connects as a role. */
  readonly login: (role: string) => {
    readonly servers: readonly string[];
    readonly natsUser: string;
    readonly natsPassword: string;
    readonly inboxPrefix: string;
    readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  };
  /** What the server at an index was told of the password of routes; for who has none. */
  readonly routeOf: (index: number) => string;
};

const SIZE = 3;

/**
 * The chart with TLS as it would run: servers under the configuration of its ConfigMap and services under the environment of its
 * Deployments, with paths, names and ports of this machine in the place of those of pods.
 */
export const startInstallation = async (context: Pick<TestContext, 'defer'>): Promise<Installation> => {
  const { defer } = context;
  const tls = { secretName: 'nats-tls', clientSecretName: 'nats-client' };
  const manifests = manifestsIn(await renderChart({ 'nats.tls': tls }));
  const folder = mkdtempSync(join(tmpdir(), 'baton-chart-'));
  const pods: Pod[] = [];
  defer(async () => {
    await Promise.all(pods.map(({ process }) => process.destroy()));
    rmSync(folder, { recursive: true, force: true });
  });
  const mounts = mountSecrets(context, folder);
  const passwords = new Map<string, string>();
  const secret = (key: string): string => {
    if (!passwords.has(key)) passwords.set(key, randomBytes(24).toString('hex'));
    return passwords.get(key) ?? '';
  };
  const free = await freePorts(3 * SIZE);
  const part = (i: number) => free.slice(i * SIZE, (i + 1) * SIZE);
  const ports = { client: part(0), route: part(1), monitor: part(2) };
  /** Paths and names of pods as they are here. */
  const here = (text: string): string =>
    Object.entries(mounts)
      .reduce((all, [path, own]) => all.replaceAll(path, own), text)
      .replaceAll(/baton-nats-(\d)\.baton-nats:4222/g, (_all, i: string) => `127.0.0.1:${ports.client[Number(i)]}`)
      .replaceAll(/baton-nats-(\d)\.baton-nats:6222/g, (_all, i: string) => `127.0.0.1:${ports.route[Number(i)]}`);
  const hereIn = (env: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(env).map(([name, value]) => [name, here(value)]));

  const { path: program } = await ensureNats();
  const [server] = containersOf(manifests, 'StatefulSet', 'baton-nats');
  const files = manifests.find(({ kind }) => kind === 'ConfigMap')?.data ?? {};
  const routeOf = (index: number): string => `nats-route://127.0.0.1:${ports.route[index]}`;
  for (let i = 0; i < SIZE; i++) {
    const home = join(folder, `nats-${i}`);
    mkdirSync(home);
    const text = here(files['nats-server.conf'] ?? '')
      .replace('"0.0.0.0:4222"', `"127.0.0.1:${ports.client[i]}"`)
      .replace('"0.0.0.0:6222"', `"127.0.0.1:${ports.route[i]}"`)
      .replace('"0.0.0.0:8222"', `"127.0.0.1:${ports.monitor[i]}"`)
      .replaceAll(/"\/(data|run\/nats)/g, `"${home}`);
    writeFileSync(join(home, 'nats-server.conf'), text);
    writeFileSync(join(home, 'accounts.conf'), files['accounts.conf'] ?? '');
    const name = `baton-nats-${i}`;
    const env = { ...hereIn(envOf(server.env ?? [], secret)), POD_NAME: name };
    const args = ['-c', join(home, 'nats-server.conf')];
    const process = new SystemProcess({ name, command: program, args, env });
    pods.push({ name, process, ready: () => answers(process, server.startupProbe, ports.monitor[i] ?? 0) });
  }
  const nats = pods.slice();
  await Promise.all(nats.map(({ process }) => process.start()));
  await Promise.all(nats.map(({ ready }) => ready()));

  return {
    urls: ports.client.map((port) => `tls://127.0.0.1:${port}`),
    nats,
    routeOf,
    pod: async (deployment, more = {}) => {
      const [container] = containersOf(manifests, 'Deployment', deployment);
      const port = await freePort();
      const env = { ...hereIn(envOf(container.env ?? [], secret)), ...more, BATON_METRICS_PORT: String(port) };
      const args = [mainOf('cli'), ...(container.args ?? [])];
      const process = new SystemProcess({ name: deployment, args, env });
      const pod = { name: deployment, process, ready: () => answers(process, container.readinessProbe, port) };
      pods.push(pod);
      return pod;
    },
    login: (role) => ({
      servers: ports.client.map((port) => `tls://127.0.0.1:${port}`),
      natsUser: role,
      natsPassword: secret(`BATON_${role.toUpperCase()}_PASSWORD`),
      inboxPrefix: `_INBOX_${role}`,
      tls: {
        caFile: join(mounts['/etc/nats-ca'] ?? '', 'ca.crt'),
        certFile: join(mounts['/etc/nats-client'] ?? '', 'tls.crt'),
        keyFile: join(mounts['/etc/nats-client'] ?? '', 'tls.key'),
      },
    }),
  };
};

/** The two Secrets of TLS as folders. */
const mountSecrets = (
  context: Pick<TestContext, 'defer'>,
  folder: string,
): Readonly<Record<'/etc/nats-tls' | '/etc/nats-ca' | '/etc/nats-client', string>> => {
  const { ca, issue } = createAuthority(context);
  const put = (name: string, ...names: readonly string[]): string => {
    const at = join(folder, name);
    mkdirSync(at);
    const { cert, key } = issue(name, ...names);
    for (const [from, to] of Object.entries({ [cert]: 'tls.crt', [key]: 'tls.key', [ca]: 'ca.crt' })) {
      copyFileSync(from, join(at, to));
    }
    return at;
  };
  const server = put('server', 'DNS:localhost', 'IP:127.0.0.1');
  return { '/etc/nats-tls': server, '/etc/nats-ca': server, '/etc/nats-client': put('client') };
};

const containersOf = (manifests: readonly Manifest[], kind: string, name: string): readonly [Container] => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  const [container] = found?.spec?.template?.spec.containers ?? [];
  assert.ok(container, `the chart has no ${kind} ${name}`);
  return [container];
};

const answers = async (process: SystemProcess, probe: Container['startupProbe'], port: number): Promise<void> => {
  const url = `http://127.0.0.1:${port}${probe?.httpGet?.path}`;
  await eventually(
    async () => {
      assert.ok(process.isRunning, `${process.name} has ended: ${process.output.slice(-2_000)}`);
      const { status } = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      assert.is(status, 200, `${process.name}: ${process.output.slice(-2_000)}`);
    },
    { limitMs: 60_000, everyMs: 100 },
  );
};
