import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Sends bytes as they are and reads until the server ends the connection: every answer, in order. */
export const sendRaw = async (
  port: number,
  bytes: string | Uint8Array,
  limitMs = 10_000,
): Promise<readonly RawAnswer[]> => {
  const received = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(limitMs, () => socket.destroy(new Error(`no end of the answer to ${preview(bytes)}`)));
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    // Who answers before all has been read may cut the rest off.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(Buffer.concat(chunks)));
  });
  return answersIn(received, Buffer.from(bytes).toString('latin1').startsWith('HEAD '));
};

const preview = (bytes: string | Uint8Array): string =>
  JSON.stringify(Buffer.from(bytes).toString('latin1')).slice(0, 200);

const answersIn = (bytes: Buffer, isHead: boolean): readonly RawAnswer[] => {
  const answers: RawAnswer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`an answer without an end of its headers: ${preview(rest)}`);
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    if (!Number.isInteger(status)) throw new Error(`no status line: ${first.slice(0, 200)}`);
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const body = rest.subarray(end + 4);
    // Of a HEAD that could not be read nobody knows that it was one.
    const hasNone = (isHead && body[0] !== 0x7b) || status < 200 || status === 204 || status === 304;
    const length = hasNone ? 0 : Number(headers['content-length'] ?? body.length);
    answers.push({ status, headers, body: body.subarray(0, length).toString() });
    rest = body.subarray(length);
  }
  return answers;
};
