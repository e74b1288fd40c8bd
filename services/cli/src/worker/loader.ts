import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '@baton/runtime';

export const isTypeScript = (module: string): boolean => /\.[cm]?tsx?$/.test(module);

/**
 * Arguments of `node` that let it, and the threads it starts, import these modules: none for JavaScript. Throws ConfigError for
 * modules that are not there, and for TypeScript where nothing reads it.
 */
export const loaderFor = (modules: readonly string[]): readonly string[] => {
  const missing = modules.filter((module) => !existsSync(resolve(module)));
  if (missing.length > 0) throw new ConfigError(missing.map((module) => `BATON_TASKS: there is no file ${module}`));
  const typed = modules.find(isTypeScript);
  if (typed === undefined) return [];
  try {
    import.meta.resolve('tsx/esm/api');
  } catch {
    throw new ConfigError([
      `BATON_TASKS: ${typed} is TypeScript, and the package tsx, which reads it, is not here: bundle it to JavaScript`,
    ]);
  }
  return ['--import', new URL('./typescript.loader.mjs', import.meta.url).href];
};
