// Which test files there are, layer by layer.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from '../scripts/workspace.mjs';

const isTest = (path) => path.endsWith('.test.ts');
const below = (...folders) => folders.flatMap((folder) => filesBelow(folder, isTest));

/** In the order in which a full run goes: cheap and exact first. */
export const layers = {
  unit: {
    servers: false,
    files: () => below('packages', 'protocols', 'deploy/local', 'services', 'test/support', 'test/unit'),
  },
  contract: { servers: true, files: () => below('test/contract') },
  integration: { servers: true, files: () => below('test/integration') },
  behaviour: { servers: true, files: () => below('test/behaviour') },
  sim: { servers: false, files: () => below('test/sim') },
  chaos: { servers: true, files: () => below('test/chaos') },
  e2e: { servers: true, files: () => below('test/e2e') },
  bench: { servers: true, files: () => below('test/bench') },
};

export const layerNames = Object.keys(layers);

/** Whether all files of a layer are chosen by these words. */
export const isWhole = (layer, wanted) =>
  wanted.every((word) => layerNames.includes(word)) && (wanted.length === 0 || wanted.includes(layer));

const defaultLimitMs = 180_000;

/**
 * What a file says of itself in its first line: `// limit: 600s` when it is slow, `// alone` when it measures times or takes
 * the whole machine, so that nothing may run beside it; `// limit: 600s, alone` when both hold. `pair`: it mostly waits, for
 * leases and for what was killed, and minds the time it takes: it runs beside one more of these. `; tools: nats, promtool`
 * behind it: programs that are to be there before any test runs.
 */
const saysOf = (path) => {
  const [firstLine = ''] = readFileSync(join(root, path), 'utf8').split('\n', 1);
  const [, tools = ''] = /^\/\/ .*; tools: (.+)$/.exec(firstLine) ?? [];
  const seconds = /^\/\/ limit: (\d+)s\b/.exec(firstLine)?.[1];
  return {
    limitMs: seconds ? Number(seconds) * 1000 : defaultLimitMs,
    company: /** @type {'any' | 'pair' | 'alone'} */ (
      /^\/\/ (?:limit: \d+s, )?(alone|pair)(?:;|$)/.exec(firstLine)?.[1] ?? 'any'
    ),
    tools: tools.split(', ').filter((tool) => tool !== ''),
  };
};

const describe = (layer, path) => ({ layer, path, servers: layers[layer].servers, ...saysOf(path) });

/**
 * @param {string[]} wanted layer names, and parts of paths that a file must contain (one of them, when several)
 * @returns {{ layer: string, path: string, servers: boolean, company: 'any' | 'pair' | 'alone', limitMs: number, tools: string[] }[]}
 */
export const chooseFiles = (wanted) => {
  const chosenLayers = wanted.filter((word) => layerNames.includes(word));
  const parts = wanted.filter((word) => !layerNames.includes(word)).map((part) => part.replace(/^\.\//, ''));
  // A folder that belongs to no layer counts as unit: the runner's own test makes such.
  const loose = parts.filter((part) => part.startsWith('test/.tmp/') && existsSync(join(root, part)));
  if (loose.length > 0) return loose.flatMap((part) => filesBelow(part, isTest)).map((path) => describe('unit', path));
  return (chosenLayers.length > 0 ? layerNames.filter((name) => chosenLayers.includes(name)) : layerNames).flatMap(
    (layer) =>
      layers[layer]
        .files()
        .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
        .map((path) => describe(layer, path)),
  );
};
