import { readFileSync } from 'node:fs';
import { readSettings, SETTINGS } from '@baton/runtime';
import * as assert from 'uvu/assert';
import type { Container, EnvVar, Manifest, PodSpec, Selector } from './manifests.ts';

const SERVICES = ['supervisor', 'projector', 'worker', 'gateway'] as const;
type Service = (typeof SERVICES)[number];

const isService = (name: string | undefined): name is Service => SERVICES.includes(name as Service);
const workloads = (all: readonly Manifest[]): readonly Manifest[] =>
  all.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');

const podOf = ({ kind, spec, metadata }: Manifest): PodSpec => {
  const pod = kind === 'Pod' ? (spec as unknown as PodSpec) : spec?.template?.spec;
  assert.ok(pod, `${kind} ${metadata.name} has pods`);
  return pod;
};

/** What a cluster cannot see: whether the manifests of one installation fit each other, the configuration of NATS and our code. */
export const holdManifests = (all: readonly Manifest[]): void => {
  const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  assert.is(new Set(names).size, names.length, `two of a name: ${names.join(' ')}`);
  holdSelectors(all);
  for (const one of all.filter(({ kind }) => kind === 'Pod' || kind === 'Deployment' || kind === 'StatefulSet')) {
    holdPod(one, all);
  }
  for (const { spec, metadata } of all.filter(({ kind }) => /^(ScaledObject|HorizontalPodAutoscaler)$/.test(kind))) {
    const target = workloads(all).find(({ metadata: { name } }) => name === spec?.scaleTargetRef?.name);
    assert.ok(target, `${metadata.name} scales nothing`);
    assert.is(target.spec?.replicas, undefined, `${metadata.name}: replicas of what is scaled belong to the scaler`);
  }
  for (const { metadata, spec, kind } of workloads(all)) {
    const isScaled = all.some((one) => one.spec?.scaleTargetRef?.name === metadata.name);
    assert.is(typeof spec?.replicas, isScaled ? 'undefined' : 'number', `${kind} ${metadata.name}`);
  }
};

const matches = (labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

const holdSelectors = (all: readonly Manifest[]): void => {
  const selected = (wanted: Readonly<Record<string, string>>): readonly Manifest[] =>
    workloads(all).filter(({ spec }) => matches(spec?.template?.metadata.labels ?? {}, wanted));
  const one = (name: string, selector: Selector | undefined): Manifest => {
    const found = selected(selector?.matchLabels ?? {});
    assert.is(found.length, 1, `${name} selects ${found.map(({ metadata }) => metadata.name).join(', ')}`);
    return found[0] as Manifest;
  };
  for (const { kind, metadata, spec } of all) {
    const { name } = metadata;
    if (kind === 'Deployment' || kind === 'StatefulSet') {
      assert.is(one(name, spec?.selector).metadata.name, name);
      for (const { labelSelector } of spec?.template?.spec.topologySpreadConstraints ?? []) {
        assert.is(one(`spread of ${name}`, labelSelector).metadata.name, name);
      }
    }
    if (kind === 'PodDisruptionBudget') assert.is(one(name, spec?.selector).metadata.name, name);
    if (kind === 'NetworkPolicy') assert.is(one(name, spec?.podSelector).metadata.name, name);
    if (kind === 'Service') {
      const found = selected(spec?.selector ?? {});
      assert.equal(
        found.map(({ metadata: own }) => own.name),
        [name],
        `service ${name}`,
      );
      const ports = podOf(found[0] as Manifest).containers.flatMap((container) => container.ports ?? []);
      for (const { targetPort } of spec?.ports ?? []) {
        assert.ok(
          ports.some((port) => port.name === targetPort),
          `service ${name}: no port ${targetPort}`,
        );
      }
    }
    if (kind === 'StatefulSet') {
      const service = all.find((other) => other.kind === 'Service' && other.metadata.name === spec?.serviceName);
      assert.ok(service, `${name} has no service`);
    }
  }
  const replicated = workloads(all).filter(
    ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] !== 'mongodb',
  );
  const budgets = all.filter(({ kind }) => kind === 'PodDisruptionBudget').map(({ metadata }) => metadata.name);
  assert.equal(budgets.toSorted(), replicated.map(({ metadata }) => metadata.name).toSorted());
};

const holdPod = (manifest: Manifest, all: readonly Manifest[]): void => {
  const { kind, metadata } = manifest;
  const pod = podOf(manifest);
  const what = `${kind} ${metadata.name}`;
  assert.is(pod.automountServiceAccountToken, false, what);
  assert.is(pod.securityContext?.runAsNonRoot, true, what);
  assert.ok((pod.securityContext?.runAsUser ?? 0) > 0, `${what} names its user by number`);
  const claims = (manifest.spec?.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name);
  const volumes = [...(pod.volumes ?? []).map(({ name }) => name), ...claims];
  for (const { configMap } of pod.volumes ?? []) {
    if (configMap === undefined) continue;
    assert.ok(
      all.some((one) => one.kind === 'ConfigMap' && one.metadata.name === configMap.name),
      `${what}: no ${configMap.name}`,
    );
  }
  for (const container of pod.containers) {
    const { securityContext, resources, volumeMounts = [], args = [] } = container;
    assert.is(securityContext?.allowPrivilegeEscalation, false, what);
    assert.is(securityContext?.readOnlyRootFilesystem, true, what);
    assert.equal(securityContext?.capabilities?.drop, ['ALL'], what);
    assert.ok(resources?.requests !== undefined && resources.limits !== undefined, `${what} says what it needs`);
    assert.equal(
      volumeMounts.map(({ name }) => name).filter((name) => !volumes.includes(name)),
      [],
      what,
    );
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
      if (port === undefined) continue;
      assert.ok(
        container.ports?.some(({ name }) => name === port),
        `${what}: a probe asks ${port}`,
      );
    }
    const [command] = args;
    if (isService(command)) holdService(what, command, container, pod);
    if (isService(command) || command === 'doctor') holdEnv(what, command, container.env ?? []);
  }
};

/** Longest that a service takes to stop: then it ends by itself, with code 1. */
const STOP_LIMIT_S = 120;

const holdService = (what: string, service: Service, container: Container, pod: PodSpec): void => {
  const grace = pod.terminationGracePeriodSeconds ?? 30;
  assert.ok(service === 'worker' ? grace > STOP_LIMIT_S : grace >= 60, `${what} is killed after ${grace} s`);
  const ports = Object.fromEntries((container.ports ?? []).map((port) => [port.name, port.containerPort]));
  const env = new Map((container.env ?? []).map(({ name, value }) => [name, value]));
  assert.is(String(ports['metrics']), env.get('BATON_METRICS_PORT'), what);
  assert.is(env.get('BATON_METRICS_HOST'), '0.0.0.0', what);
  if (service === 'gateway') assert.is(String(ports['http']), env.get('BATON_HTTP_PORT'), what);
  const asked = [container.startupProbe, container.livenessProbe, container.readinessProbe].map(
    (probe) => `${probe?.httpGet?.port}${probe?.httpGet?.path}`,
  );
  assert.equal(asked, ['metrics/healthz', 'metrics/healthz', 'metrics/readyz'], what);
};

const accounts = (): string => readFileSync('deploy/nats/accounts.conf', 'utf8');

const holdEnv = (what: string, command: Service | 'doctor', env: readonly EnvVar[]): void => {
  const reader = command === 'doctor' ? 'cli' : command;
  const role = command === 'doctor' ? 'operator' : command;
  const byName = new Map(env.map((one) => [one.name, one]));
  assert.is(byName.size, env.length, `${what} says a variable twice`);
  for (const { name } of env) {
    const readers: readonly string[] = SETTINGS[name as keyof typeof SETTINGS]?.readers ?? [];
    assert.ok(readers.includes(reader), `${what}: ${reader} does not read ${name}`);
  }
  assert.is(byName.get('NATS_USER')?.value, role, what);
  assert.match(accounts(), new RegExp(`user: ${role},?\\s+password: \\$BATON_${role.toUpperCase()}_PASSWORD`));
  assert.is(byName.get('NATS_PASSWORD')?.valueFrom?.secretKeyRef?.key, `BATON_${role.toUpperCase()}_PASSWORD`, what);
  assert.is(byName.get('NATS_INBOX_PREFIX')?.value, `_INBOX_${role}`, what);
  const needsMongo = ['projector', 'gateway', 'doctor'].includes(command);
  assert.is(byName.has('MONGODB_URL'), needsMongo, `${what}: MONGODB_URL`);
  // What the code makes of it; throws and names what is wrong.
  const settings = readSettings(
    envOf(env, () => undefined),
    () => undefined,
  );
  if (command !== 'doctor') assert.is(settings.metrics.port, 9464, what);
  if (command === 'gateway') assert.is(settings.auth.mode, 'secret', `${what} has a way to sign in`);
  if (command === 'worker') assert.ok(settings.taskModules.length > 0, what);
};

const MADE: Readonly<Record<string, string>> = { MONGODB_URL: 'mongodb://db.example.org/baton?replicaSet=rs0' };

/** The environment that a container gets, with secrets that somebody has made. */
export const envOf = (
  env: readonly EnvVar[],
  secret: (key: string) => string | undefined,
): Readonly<Record<string, string>> => {
  const got: Record<string, string> = {};
  for (const { name, value, valueFrom } of env) {
    const key = valueFrom?.secretKeyRef?.key;
    const text = value ?? (key === undefined ? undefined : (secret(key) ?? MADE[name] ?? 's'.repeat(48)));
    // Kubernetes puts in what stands before it in the list.
    if (text !== undefined) got[name] = text.replaceAll(/\$\((\w+)\)/g, (all, one: string) => got[one] ?? all);
  }
  return got;
};
