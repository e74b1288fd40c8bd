import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

export type SeenEvent = {
  readonly event: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** A reader of server-sent events over a real connection. */
export type EventClient = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly events: readonly SeenEvent[];
  /** Everything that came, as it came. */
  readonly text: () => string;
  readonly hasEnded: () => boolean;
  /** Stops reading: what comes waits in the kernel and then in the server. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly close: () => void;
};

export const openEvents = (url: string, headers: Readonly<Record<string, string>>): Promise<EventClient> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { headers: { accept: 'text/event-stream', ...headers } }, (response) =>
      resolve(clientOf(response, () => asked.destroy())),
    );
    asked.on('error', reject);
    asked.end();
  });

const clientOf = (response: IncomingMessage, close: () => void): EventClient => {
  const events: SeenEvent[] = [];
  let text = '';
  let rest = '';
  let ended = false;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const event = eventIn(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event !== undefined) events.push(event);
    }
  });
  for (const name of ['end', 'close', 'error'] as const) response.on(name, () => (ended = true));
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    text: () => text,
    hasEnded: () => ended,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close,
  };
};

const eventIn = (block: string): SeenEvent | undefined => {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return {
    event: fields.get('event') ?? 'message',
    id: fields.get('id') ?? '',
    data: JSON.parse(data) as SeenEvent['data'],
  };
};
