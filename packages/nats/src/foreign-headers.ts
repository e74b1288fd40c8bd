import { headers, type Msg, type MsgHdrs } from '@nats-io/nats-core';

/**
 * Headers of a message that anybody may have sent. The client throws at the first look where one of them is none: its name
 * has a space in it, its value a line break. `isWhole` is false then, and that one is left out.
 */
export const readHeaders = (msg: Msg): { readonly headers: MsgHdrs | undefined; readonly isWhole: boolean } => {
  try {
    return { headers: msg.headers, isWhole: true };
  } catch {
    return { headers: legible(msg), isWhole: false };
  }
};

export const headersOf = (msg: Msg): MsgHdrs | undefined => readHeaders(msg).headers;

/** The server's status of a message without data, 0 for none. */
export const codeOf = (msg: Msg): number => headersOf(msg)?.code ?? 0;

const legible = (msg: Msg): MsgHdrs => {
  const made = headers();
  for (const line of blockOf(msg).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    try {
      if (colon > 0) made.append(line.slice(0, colon), line.slice(colon + 1));
    } catch {
      // This is the one.
    }
  }
  return made;
};

/** Of all that came with it. The client's type does not tell of it. */
type Sized = Msg & { readonly size: () => number };

/** They stand right before the data, and the client shows them in no other way. */
const blockOf = (msg: Msg): string => {
  const { data, subject, reply = '' } = msg;
  const size = (msg as Sized).size() - Buffer.byteLength(subject) - Buffer.byteLength(reply) - data.length;
  return Buffer.from(data.buffer, data.byteOffset - size, size).toString();
};
