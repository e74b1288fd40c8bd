type Line = { readonly level?: unknown; readonly msg?: unknown; readonly code?: unknown; readonly reason?: unknown };

const TOLD = ['fatal', 'error', 'warn'];
const TAIL_LINES = 12;

/**
 * Why a service ended or does not start, for people, from the end of its log: the message of its last line that complains,
 * or what it wrote that is no log line at all, such as the stack of a crash.
 */
export const reasonIn = (log: string): string => {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const read = lines.map(lineOf);
  for (const level of TOLD) {
    const line = read.findLast((each) => each?.level === level);
    if (line !== undefined) return textOf(line);
  }
  return lines
    .filter((_line, i) => read[i] === undefined)
    .slice(-TAIL_LINES)
    .join('\n');
};

const textOf = ({ msg, code, reason }: Line): string =>
  [code, msg, reason].filter((part): part is string => typeof part === 'string').join(': ');

const lineOf = (text: string): Line | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};
