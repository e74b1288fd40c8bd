import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';

/** What a container of the image would start with. */
export type BuiltImage = {
  /** Where the root of its file system is here. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
};

type Stage = { readonly root: string; cwd: string; user: string; readonly env: Record<string, string> };

const RUN_MS = 300_000;

/**
 * Carries out the steps of a Dockerfile one by one, in folders in the place of file systems: paths that begin at the root of
 * a stage begin at its folder. What the base images bring is what is on this machine. `context`: what `COPY` copies from.
 */
export const runDockerfile = async (path: string, context: string, folder: string): Promise<BuiltImage> => {
  const stages: Stage[] = [];
  const names = new Map<string, Stage>();
  const found: { entrypoint: readonly string[]; command: readonly string[]; healthcheck: readonly string[] } = {
    entrypoint: [],
    command: [],
    healthcheck: [],
  };
  for (const step of DockerfileParser.parse(readFileSync(path, 'utf8')).getInstructions()) {
    const text = argumentsOf(step);
    const stage = stages.at(-1);
    const keyword = step.getKeyword();
    if (keyword === 'ARG') continue;
    if (keyword === 'FROM') {
      const made: Stage = { root: join(folder, `stage-${stages.length}`), cwd: '/', user: 'root', env: {} };
      mkdirSync(made.root, { recursive: true });
      stages.push(made);
      const name = / AS (\w+)$/i.exec(text)?.[1];
      if (name !== undefined) names.set(name, made);
      continue;
    }
    if (stage === undefined) throw new Error(`${keyword} stands before FROM`);
    switch (keyword) {
      case 'WORKDIR':
        stage.cwd = text;
        mkdirSync(within(stage, text), { recursive: true });
        break;
      case 'ENV':
        for (const [, key = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value;
        break;
      case 'COPY':
        copy(text, stage, names, context);
        break;
      case 'RUN':
        await shell(text, stage);
        break;
      case 'USER':
        stage.user = text;
        break;
      case 'EXPOSE':
        break;
      case 'HEALTHCHECK':
        found.healthcheck = JSON.parse(text.slice(text.indexOf('['))) as string[];
        break;
      case 'ENTRYPOINT':
        found.entrypoint = JSON.parse(text) as string[];
        break;
      case 'CMD':
        found.command = JSON.parse(text) as string[];
        break;
      default:
        throw new Error(`the step ${keyword} is not known here`);
    }
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error(`${path} has no FROM`);
  const { root, env, user } = last;
  const here = (words: readonly string[]): readonly string[] =>
    words.map((word) => (word.startsWith('/') ? join(root, word) : word));
  return { root, env, user, ...found, entrypoint: here(found.entrypoint) };
};

/** All behind the keyword, lines joined. */
const argumentsOf = (step: Instruction): string =>
  step
    .getTextContent()
    .replace(/\\\n\s*/g, ' ')
    .replace(/^\w+\s+/, '')
    .trim();

const within = ({ root, cwd }: Stage, path: string): string =>
  join(root, path.startsWith('/') ? path : join(cwd, path));

const copy = (text: string, stage: Stage, names: ReadonlyMap<string, Stage>, context: string): void => {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const [source = '', target = ''] = words.filter((word) => !word.startsWith('--'));
  const base = from === undefined ? context : names.get(from)?.root;
  if (base === undefined) throw new Error(`COPY from a stage that is not there: ${text}`);
  const to = within(stage, target);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(base, source), to, { recursive: true });
};

/** As `/bin/sh -c` would; what it makes at the root of its stage is made in the folder. */
const shell = async (text: string, stage: Stage): Promise<void> => {
  const script = text.replaceAll(/(?<=^|\s)\/(?=\w)/g, `${stage.root}/`);
  const options = { cwd: within(stage, '.'), env: { ...process.env, ...stage.env }, timeout: RUN_MS };
  await promisify(execFile)('/bin/sh', ['-ec', script], options);
};
