import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { blocksIn, type Block } from './readme-blocks.ts';

/** A program of a page: the block that begins with an import, and those after it up to the next one that does. */
export type Program = {
  /** `mongodb-29`: the page, and the line it begins in. */
  readonly name: string;
  readonly blocks: readonly Block[];
};

export type Command = { readonly line: number; readonly text: string };

export type Page = {
  readonly path: string;
  readonly programs: readonly Program[];
  /** Lines of the shell that begin with `npx baton`. */
  readonly commands: readonly Command[];
  /** Blocks that say where they are from: `from:<path>`, as it is seen from the page. */
  readonly quotes: readonly { readonly line: number; readonly code: string; readonly from: string }[];
};

const FOLDER = 'docs';
const SHELL: ReadonlySet<string> = new Set(['sh']);
const PYTHON: ReadonlySet<string> = new Set(['py', 'python']);

export const handbookPages = (): readonly Page[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md'))
    .map((name) => pageOf(join(FOLDER, name), readFileSync(join(FOLDER, name), 'utf8')));

export const pageOf = (path: string, markdown: string): Page => ({
  path,
  programs: programsIn(path, markdown),
  commands: blocksIn(markdown, SHELL).filter(isRun).flatMap(commandsIn),
  quotes: blocksIn(markdown, PYTHON).map(({ line, code, words }) => {
    const from = words.find((word) => word.startsWith('from:'))?.slice('from:'.length);
    if (from === undefined) throw new Error(`${path}:${line}: a block in Python says where it is from`);
    return { line, code, from: join(dirname(path), from) };
  }),
});

const isRun = ({ words }: Block): boolean => !words.includes('no-run');

const programsIn = (path: string, markdown: string): readonly Program[] => {
  const programs: { name: string; blocks: Block[] }[] = [];
  const page = path.replace(/^.*\/|\.md$/g, '');
  for (const block of blocksIn(markdown)) {
    if (beginsProgram(block)) programs.push({ name: `${page}-${block.line}`, blocks: [] });
    const current = programs.at(-1);
    if (current === undefined) throw new Error(`${path}:${block.line}: the first block begins with an import`);
    current.blocks.push(block);
  }
  return programs;
};

/** One that only adds an import goes on with what is there. */
const beginsProgram = ({ code }: Block): boolean =>
  code.startsWith('import ') && /^import \{[^}]*\b(connect|createTestBaton)\b(?! as)[^}]*\} from/m.test(code);

const commandsIn = ({ line, code }: Block): readonly Command[] =>
  code.split('\n').flatMap((text, i) => (text.startsWith('npx baton ') ? [{ line: line + 1 + i, text }] : []));

/** What is run; `whole` also has the blocks that are compiled only. */
export const sourceOf = ({ blocks }: Program, whole: boolean): string =>
  `${blocks
    .filter((block) => whole || isRun(block))
    .map(({ code }) => code)
    .join('\n')}export {};\n`;

export const printsOf = ({ blocks }: Program): readonly string[] =>
  blocks.filter(isRun).flatMap(({ prints }) => [...prints]);

/** The words of a line as a shell splits them: spaces apart, quotes of both kinds together. A comment ends it. */
export const wordsOf = (text: string): readonly string[] =>
  [...text.replace(/\s+#.*$/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
