/** One fenced block of a Markdown text. */
export type Block = {
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly code: string;
  /** Words behind the language: `no-run`, and whatever else. */
  readonly words: readonly string[];
  /** What the block says it prints: the comment behind a `console.log(...)`. */
  readonly prints: readonly string[];
};

const TYPESCRIPT: ReadonlySet<string> = new Set(['ts', 'typescript']);

/**
 * The blocks of a Markdown text in some languages, TypeScript where none are named, in their order. A fence is three or more backticks or tildes, indented as the
 * list it stands in; it ends with one that is at least as long, of the same kind. Throws for one that never ends.
 */
export const blocksIn = (markdown: string, languages: ReadonlySet<string> = TYPESCRIPT): readonly Block[] => {
  const blocks: Block[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence, info = ''] = /^( *)(`{3,}|~{3,}) *(.*?) *$/.exec(lines[at] ?? '') ?? [];
    if (fence === undefined || (fence.startsWith('`') && info.includes('`'))) continue;
    const end = lines.findIndex((line, i) => i > at && isEnd(line, fence));
    if (end === -1) throw new Error(`the block that begins in line ${at + 1} never ends`);
    const [language = '', ...words] = info.split(/\s+/);
    if (languages.has(language.toLowerCase())) {
      const code = lines.slice(at + 1, end).map((line) => withoutIndent(line, indent.length));
      blocks.push({ line: at + 1, code: `${code.join('\n')}\n`, words, prints: printsOf(code) });
    }
    at = end;
  }
  return blocks;
};

const isEnd = (line: string, fence: string): boolean => {
  const text = line.trim();
  return text.length >= fence.length && text === (fence[0] ?? '').repeat(text.length);
};

const withoutIndent = (line: string, indent: number): string =>
  line.slice(Math.min(indent, line.length - line.trimStart().length));

const printsOf = (code: readonly string[]): readonly string[] =>
  code.flatMap((line) => {
    const text = /^\s*console\.log\(.*\);? \/\/ (.+)$/.exec(line)?.[1];
    return text === undefined ? [] : [text.trim()];
  });
