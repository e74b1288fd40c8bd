import type { Manifest } from './manifests.ts';

/** What a check of a whole type finds, as ajv says it. */
type Validate = {
  (data: unknown): boolean;
  errors?: readonly { readonly instancePath: string; readonly params: object }[] | null;
};

const CORE = 'kubernetes-models';
const PACKAGES: Readonly<Record<string, { readonly from: string; readonly prefix: string }>> = {
  v1: { from: CORE, prefix: 'IoK8sApiCoreV1' },
  'apps/v1': { from: CORE, prefix: 'IoK8sApiAppsV1' },
  'policy/v1': { from: CORE, prefix: 'IoK8sApiPolicyV1' },
  'autoscaling/v2': { from: CORE, prefix: 'IoK8sApiAutoscalingV2' },
  'networking.k8s.io/v1': { from: CORE, prefix: 'IoK8sApiNetworkingV1' },
  'keda.sh/v1alpha1': { from: '@kubernetes-models/keda', prefix: 'ComGithubKedacoreKedaV2ApisKedaV1alpha1' },
  'monitoring.coreos.com/v1': {
    from: '@kubernetes-models/prometheus-operator',
    prefix: 'ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1',
  },
};

/** The schemas come as modules, generated checks of a type each; not every package exports them by name. */
const validatorOf = async ({ apiVersion, kind }: Manifest): Promise<Validate> => {
  const found = PACKAGES[apiVersion];
  if (found === undefined) throw new Error(`nothing is known of ${apiVersion}`);
  const path = new URL(`_schemas/${found.prefix}${kind}.js`, import.meta.resolve(found.from));
  return ((await import(path.href)) as { readonly validate: Validate }).validate;
};

/**
 * What is wrong with an object by the schemas of Kubernetes and of the operators. They let unknown fields pass, but look at each
 * that they know: what nobody has looked at is unknown, as in strict decoding by a cluster.
 */
export const faultsOf = async (manifest: Manifest): Promise<readonly string[]> => {
  const validate = await validatorOf(manifest);
  const unread: (() => readonly string[])[] = [];
  const isValid = validate(watched(manifest, '', unread));
  const faults = isValid
    ? []
    : (validate.errors ?? []).map((one) => `${one.instancePath} ${JSON.stringify(one.params)}`);
  return [...faults, ...unread.flatMap((keys) => keys()).map((path) => `${path} is not known`)];
};

const watched = <T>(value: T, path: string, unread: (() => readonly string[])[]): T => {
  if (value === null || typeof value !== 'object') return value;
  const seen = new Map<string | symbol, unknown>();
  const keys = Object.keys(value);
  unread.push(() => keys.filter((key) => !seen.has(key)).map((key) => `${path}/${key}`));
  return new Proxy(value, {
    get: (target, key) => {
      const own: unknown = Reflect.get(target, key);
      if (!Object.hasOwn(target, key)) return own;
      if (!seen.has(key)) seen.set(key, watched(own, `${path}/${String(key)}`, unread));
      return seen.get(key);
    },
  });
};
