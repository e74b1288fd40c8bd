import { decodeLargeData, DecodeError, InexactNumberError, parseExactJson } from '@baton/protocols';
import type { z } from 'zod';
import { faultWords } from '../client/fault-words.ts';
import { rules } from '../client/rules.ts';
import type { CommandMessage } from '../ports/commands.ts';
import {
  cancelCommand,
  COMMAND_VERSION,
  signalCommand,
  submitCommand,
  whyCommand,
  type CancelCommand,
  type SignalCommand,
  type SubmitCommand,
  type WhyCommand,
} from './shapes.ts';

export type Format = 'json' | 'msgpack';

export type CommandReading =
  | { readonly kind: 'submit'; readonly command: SubmitCommand & { readonly type: string } }
  | { readonly kind: 'cancel'; readonly command: CancelCommand }
  | { readonly kind: 'signal'; readonly command: SignalCommand }
  | { readonly kind: 'why'; readonly command: WhyCommand }
  /** Of a version this program does not know: left for one that does (behaviour X10). */
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'bad'; readonly message: string };

const MSGPACK_TYPES = new Set([
  'application/msgpack',
  'application/x-msgpack',
  'application/vnd.msgpack',
  'application/octet-stream',
]);
const JSON_TYPES = new Set(['application/json', 'text/json']);

/** Byte that JSON text of a map begins with; a MessagePack map never does. */
const BRACE = 0x7b;

/** How the body is written, also that of the answer; undefined: in a way this program does not know. */
export const formatOf = ({ contentType, bytes }: Pick<CommandMessage, 'contentType' | 'bytes'>): Format | undefined => {
  if (contentType === undefined) return bytes[0] === BRACE ? 'json' : 'msgpack';
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (JSON_TYPES.has(type)) return 'json';
  return MSGPACK_TYPES.has(type) ? 'msgpack' : undefined;
};

/** The map a message holds, in whichever format; or why there is none. Never throws. */
export const readBody = (
  message: Pick<CommandMessage, 'bytes' | 'contentType'>,
): { readonly body: object } | { readonly fault: string } => {
  const format = formatOf(message);
  if (format === undefined) return { fault: 'Content-Type is application/json or application/msgpack' };
  let body: unknown;
  try {
    body = format === 'json' ? fromJson(message.bytes) : decodeLargeData(message.bytes);
  } catch (error) {
    if (error instanceof InexactNumberError) return { fault: error.message.toWellFormed() };
    // Whatever a reader makes of hostile bytes: they are read by nobody, now or later.
    const reason = error instanceof Error ? error.message : String(error);
    const name = format === 'json' ? 'JSON' : 'MessagePack';
    const how = error instanceof DecodeError ? '' : ' that can be read';
    return { fault: `the body is no ${name}${how}: ${reason.slice(0, 200)}` };
  }
  return typeof body !== 'object' || body === null || Array.isArray(body) ? { fault: 'the body is no map' } : { body };
};

/** Reads what came from outside. Never throws. */
export const readCommand = (
  message: Pick<CommandMessage, 'verb' | 'type' | 'bytes' | 'contentType'>,
): CommandReading => {
  const read = readBody(message);
  if ('fault' in read) return bad(read.fault);
  const { body } = read;
  const { v: version } = body as { readonly v?: unknown };
  if (typeof version === 'number' && version > COMMAND_VERSION) return { kind: 'newer', version };
  return shapeOf(message, body);
};

const shapeOf = ({ verb, type }: Pick<CommandMessage, 'verb' | 'type'>, body: object): CommandReading => {
  if (verb !== 'submit' && VERBS.has(verb) && type !== undefined)
    return bad(`the subject ends with ${verb}: nothing may stand behind it`);
  if (verb === 'why') {
    const parsed = whyCommand.safeParse(body);
    return parsed.success ? { kind: 'why', command: parsed.data } : bad(faultsOf(parsed.error));
  }
  if (verb === 'signal') {
    const parsed = signalCommand.safeParse(body);
    return parsed.success ? { kind: 'signal', command: parsed.data } : bad(faultsOf(parsed.error));
  }
  if (verb === 'cancel') {
    const parsed = cancelCommand.safeParse(body);
    return parsed.success ? { kind: 'cancel', command: parsed.data } : bad(faultsOf(parsed.error));
  }
  if (verb !== 'submit')
    return bad(`there is no command '${verb.slice(0, 50)}', only submit.<type>, cancel, signal and why`);
  // What may be published is said by subject: the body must not get around it.
  if (type === undefined) return bad('the subject names no type');
  if (!rules.type.holds(type)) return bad(`type, in the subject: ${rules.type.says}; a dot is written =`);
  const parsed = submitCommand.safeParse(body);
  if (!parsed.success) return bad(faultsOf(parsed.error));
  if (parsed.data.type !== undefined && parsed.data.type !== type) {
    return bad(`the body is of type '${parsed.data.type}', the subject of type '${type}'`);
  }
  return { kind: 'submit', command: { ...parsed.data, type } };
};

const VERBS: ReadonlySet<string> = new Set(['submit', 'cancel', 'signal', 'why']);

const bad = (message: string): CommandReading => ({ kind: 'bad', message });

/** Every fault in one line. */
export const faultsOf = (error: z.ZodError): string =>
  error.issues
    .slice(0, 10)
    .map((issue) => {
      const words = faultWords(issue);
      return issue.path.length === 0 ? words : `${issue.path.join('.')}: ${words}`;
    })
    .join('; ')
    .slice(0, 1_000);

const fromJson = (bytes: Uint8Array): unknown =>
  parseExactJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
