import { join } from 'node:path';
import { ServerUnavailableError } from '../errors.ts';
import { silentReporter } from '../report.ts';
import type { Reporter } from '../report.ts';
import { cacheFolder, installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { goInstall } from './go-install.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';
import { parseVersion } from './version.ts';

/** Programs that tests hold the files of `deploy` to, each built by Go where PATH has none. */
export type GoTool = 'helm' | 'kustomize' | 'nats';

export type FoundGoTool = { readonly path: string; readonly way: 'path' | 'go' };

type Source = { readonly module: string; readonly version: string; readonly ask: readonly string[] };

const SOURCES: Readonly<Record<GoTool, Source>> = {
  helm: { module: 'helm.sh/helm/v3/cmd/helm', version: '3.22.0', ask: ['version', '--short'] },
  kustomize: { module: 'sigs.k8s.io/kustomize/kustomize/v5', version: '5.7.1', ask: ['version'] },
  nats: { module: 'github.com/nats-io/natscli/nats', version: '0.5.0', ask: ['--version'] },
};

type Install = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

/** Finds one on PATH or in the cache, or builds it: minutes the first time. Rejects with LOCAL_TOOL_UNAVAILABLE. */
export async function ensureGoTool(tool: GoTool, options: FindOptions = {}): Promise<FoundGoTool> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const { module, version } = SOURCES[tool];
  const ways: Way<FoundGoTool>[] = [
    { name: `${tool} on PATH`, take: () => takeFromPath(tool, env) },
    { name: `go install ${module}`, take: async () => pathIn(await build(tool, install), tool) },
  ];
  const search = await takeFirst(tool, ways, install.report);
  if (search.found) return search.found;
  const advice = `Install ${tool} ${version} or newer so that it is on PATH, or Go, by which it is built.`;
  throw new ServerUnavailableError('LOCAL_TOOL_UNAVAILABLE', tool, search.attempts, advice);
}

/** An older one of that name may be another program: `nats`, `helm` 2. */
async function takeFromPath(tool: GoTool, env: NodeJS.ProcessEnv): Promise<FoundGoTool | undefined> {
  const path = findOnPath(tool, env);
  if (path === undefined) return undefined;
  const major = Number(SOURCES[tool].version.split('.', 1)[0]);
  const { stdout } = await runCommand(path, SOURCES[tool].ask, { timeoutMs: 10_000, env });
  const found = Number(parseVersion(stdout)?.split('.', 1)[0]);
  if (found !== major) throw new Error(`${path} is not of version ${major}`);
  return { path, way: 'path' };
}

const pathIn = ({ dir }: Pick<Installed, 'dir'>, tool: GoTool): FoundGoTool => ({ path: join(dir, tool), way: 'go' });

function build(tool: GoTool, { cache, env, report }: Install): Promise<Installed> {
  const { module, version, ask } = SOURCES[tool];
  return installOnce({
    cache,
    name: `${tool}-${version}-go`,
    server: tool,
    report,
    fill: async (binDir) => {
      await goInstall({ module: `${module}@v${version}`, binDir, env, server: tool, report });
      return { program: tool, version, way: 'go' };
    },
    check: async (dir) => void (await runCommand(join(dir, tool), ask, { timeoutMs: 20_000, env })),
  });
}
