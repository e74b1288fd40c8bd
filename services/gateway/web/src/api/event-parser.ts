export type ServerEvent = {
  /** `message` when the server named none. */
  readonly event: string;
  readonly data: string;
  /** Empty when the server gave none. */
  readonly id: string;
};

/**
 * Cuts a text/event-stream into events. Chunks may end anywhere, also between `\r` and `\n`; a comment (the keep-alive)
 * is no event.
 */
export const createEventParser = (onEvent: (event: ServerEvent) => void): ((chunk: string) => void) => {
  let rest = '';
  let event = '';
  let id = '';
  let data: string[] = [];

  const endOfEvent = (): void => {
    if (data.length > 0) onEvent({ event: event === '' ? 'message' : event, data: data.join('\n'), id });
    event = '';
    id = '';
    data = [];
  };

  const take = (line: string): void => {
    if (line === '') return endOfEvent();
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
  };

  return (chunk) => {
    const text = rest + chunk;
    let from = 0;
    for (;;) {
      const end = endOfLine(text, from);
      if (end === undefined) break;
      take(text.slice(from, end.at));
      from = end.next;
    }
    rest = text.slice(from);
  };
};

/** `\n`, `\r` or `\r\n`; a `\r` at the very end may be half of the last and waits for more. */
const endOfLine = (text: string, from: number): { at: number; next: number } | undefined => {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10) return { at: i, next: i + 1 };
    if (code === 13) {
      if (i + 1 === text.length) return undefined;
      return { at: i, next: text.charCodeAt(i + 1) === 10 ? i + 2 : i + 1 };
    }
  }
  return undefined;
};
