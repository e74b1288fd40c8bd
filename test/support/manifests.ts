import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ensureGoTool } from '@baton/local';
import { parseAllDocuments } from 'yaml';

export const CHART = 'deploy/kubernetes/helm/baton';
export const KUSTOMIZE = 'deploy/kubernetes/kustomize';

const run = promisify(execFile);
/** What a `helm` that knows no cluster takes for granted. */
const KUBERNETES = ['--kube-version', '1.31.0'];

export const helm = async (...args: readonly string[]): Promise<string> => {
  const { path } = await ensureGoTool('helm');
  const { stdout } = await run(path, [...args, ...KUBERNETES], { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
};

/** Values as `--set-json` takes them: `{ 'nats.replicas': 1 }`. */
export type Values = Readonly<Record<string, unknown>>;

const setting = (values: Values): readonly string[] =>
  Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);

/** The chart as the release `baton` in the namespace `baton`. */
export const renderChart = (values: Values = {}, ...flags: readonly string[]): Promise<string> =>
  helm('template', 'baton', CHART, '--namespace', 'baton', ...flags, ...setting(values));

export const lintChart = (values: Values = {}): Promise<string> => helm('lint', CHART, '--strict', ...setting(values));

export const buildOverlay = async (folder: string): Promise<string> => {
  const { path } = await ensureGoTool('kustomize');
  const { stdout } = await run(path, ['build', `${KUSTOMIZE}/${folder}`], {
    timeout: 60_000,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
};

export type EnvVar = {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
  };
};

type Probe = {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly tcpSocket?: { readonly port: string };
};

export type Container = {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly resources?: { readonly requests?: object; readonly limits?: object };
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[] };
  };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
};

export type PodSpec = {
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly runAsUser?: number };
  readonly topologySpreadConstraints?: readonly { readonly labelSelector: Selector }[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
};

type Labels = Readonly<Record<string, string>>;
export type Selector = { readonly matchLabels: Labels };

/** The parts of an object that tests look at; its whole shape is the schemas' matter. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector?: Selector & Labels;
    readonly podSelector?: Selector;
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
    readonly ports?: readonly { readonly port: number; readonly targetPort: string }[];
    readonly scaleTargetRef?: { readonly name: string };
    readonly triggers?: readonly { readonly metadata: Readonly<Record<string, string>> }[];
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
    readonly groups?: readonly object[];
  };
};

export const manifestsIn = (text: string): readonly Manifest[] =>
  parseAllDocuments(text)
    .map((document) => {
      const [fault] = [...document.errors, ...document.warnings];
      if (fault !== undefined) throw fault;
      return document.toJS() as Manifest | null;
    })
    .filter((one) => one !== null);

/** The templates of the chart one by one, without what helm says of them. */
const templatesOf = (rendered: string): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>();
  for (const part of rendered.split(/^---\n/m)) {
    const [, name = ''] = /^# Source: baton\/templates\/(.+)\.yaml$/m.exec(part) ?? [];
    const text = part.replace(/^# Source: .*\n/m, '').trim();
    if (name !== '' && text !== '') texts.set(name, [texts.get(name), text].filter(Boolean).join('\n---\n'));
  }
  return texts;
};

const HEAD =
  '# Made from the chart: BATON_WRITE_MANIFESTS=1 node test/run.mjs integration/kubernetes-files. Change that.\n';

/** Every file that is made from others, by its path. */
export const madeFiles = async (): Promise<ReadonlyMap<string, string>> => {
  const base = templatesOf(await renderChart({}, '--skip-tests'));
  const small = templatesOf(await renderChart({ 'mongodb.bundled': true, 'nats.replicas': 1 }, '--skip-tests'));
  const monitored = templatesOf(
    await renderChart({
      'monitoring.podMonitor': true,
      'monitoring.rules': true,
      'workerDefaults.autoscaling.by': 'keda',
    }),
  );
  const documentsOf = (templates: ReadonlyMap<string, string>, name: string, kind?: string): string =>
    (templates.get(name) ?? '')
      .split(/^---\n/m)
      .filter((text) => kind === undefined || text.includes(`\nkind: ${kind}\n`))
      .map((text) => text.trim())
      .join('\n---\n');
  const files = new Map<string, string>([
    [`${CHART}/files/accounts.conf`, readFileSync('deploy/nats/accounts.conf', 'utf8')],
    [`${CHART}/files/baton.rules.yaml`, readFileSync('deploy/metrics/baton.rules.yaml', 'utf8')],
  ]);
  const made: Readonly<Record<string, string>> = {
    'overlays/production/autoscaling.yaml': documentsOf(monitored, 'workers', 'ScaledObject'),
    'overlays/production/monitoring.yaml': documentsOf(monitored, 'monitoring'),
    'overlays/small/mongodb.yaml': documentsOf(small, 'mongodb'),
    'overlays/small/nats-config.yaml': documentsOf(small, 'nats', 'ConfigMap'),
  };
  for (const name of ['nats', 'network-policy', 'services', 'workers']) {
    files.set(`${KUSTOMIZE}/base/${name}.yaml`, `${HEAD}${documentsOf(base, name)}\n`);
  }
  for (const [path, text] of Object.entries(made)) files.set(`${KUSTOMIZE}/${path}`, `${HEAD}${text}\n`);
  return files;
};
