import { types } from 'node:util';
import { stdSerializers } from 'pino';
import { bounded, isError, readMember } from './describe.ts';
import { taskErrorOf } from './run/task-error.ts';

/**
 * The fields of one log line, with an end to them. What a task logs can be of any size: a buffer, a list of a million, a
 * proxy that goes on for ever. A line of it would hold up the whole worker, and nobody reads it (behaviour R10).
 */
export const boundedFields = (fields: object): Record<string, unknown> => {
  const copy = new Bounded().copy(fields, DEPTH);
  return isMap(copy) ? copy : { value: copy };
};

/** What is given to a log: fields, or an error alone, then the text, then what is put into it. */
export const boundedLine = (given: readonly unknown[]): unknown[] =>
  given.map((one, i) => {
    if (typeof one === 'string') return bounded(one, TEXT_LENGTH);
    if ((typeof one !== 'object' && typeof one !== 'function') || one === null) return one;
    return boundedFields(i === 0 && isError(one) ? { err: one } : one);
  });

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of one text, characters: more than the stack trace of a record. */
const TEXT_LENGTH = 20_000;
/** Of all texts of a line together, characters. */
const LINE_LENGTH = 100_000;
const DEPTH = 6;
/** Of one list or object. */
const MOST_MEMBERS = 200;
/** Of a whole line. */
const MOST_VALUES = 5_000;

class Bounded {
  private values = MOST_VALUES;
  private characters = LINE_LENGTH;

  copy(value: unknown, depth: number): unknown {
    if (--this.values < 0) return LEFT_OUT;
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'bigint') return this.text(String(value));
    if (typeof value !== 'object' || value === null) return value;
    return this.tried(() => this.object(value, depth));
  }

  private text(text: string): string {
    const most = Math.min(TEXT_LENGTH, this.characters);
    if (most <= 0) return LEFT_OUT;
    const short = text.length > most ? bounded(text, most) : text;
    this.characters -= short.length;
    return short;
  }

  /** Getters and `toJSON` are the user's, and may throw. */
  private tried(read: () => unknown): unknown {
    try {
      return read();
    } catch {
      return UNREADABLE;
    }
  }

  private object(value: object, depth: number): unknown {
    if (types.isProxy(value)) return A_PROXY;
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return `[${value.byteLength} bytes]`;
    if (isError(value)) return this.error(value, depth);
    if (depth <= 0) return Array.isArray(value) ? A_LIST : AN_OBJECT;
    const toJson = readMember(value, 'toJSON');
    if (typeof toJson === 'function') return this.copy((toJson as () => unknown).call(value), depth - 1);
    if (Array.isArray(value)) {
      const list = value.slice(0, MOST_MEMBERS).map((member) => this.copy(member, depth - 1));
      return value.length > MOST_MEMBERS ? [...list, `${value.length - MOST_MEMBERS} more`] : list;
    }
    return this.members(value, depth);
  }

  private members(value: object, depth: number): Record<string, unknown> {
    const names = Object.keys(value);
    const copy: Record<string, unknown> = {};
    for (const name of names.slice(0, MOST_MEMBERS)) {
      // A member of this name would become the prototype.
      if (name === '__proto__') continue;
      copy[this.text(name)] = this.tried(() => this.copy((value as Record<string, unknown>)[name], depth - 1));
    }
    if (names.length > MOST_MEMBERS) copy['...'] = `${names.length - MOST_MEMBERS} more`;
    return copy;
  }

  /** With its causes in message and stack, as far as it lets itself be looked at. */
  private error(error: Error, depth: number): unknown {
    try {
      const { type, message, stack, ...own } = stdSerializers.err(error) as unknown as Record<string, unknown>;
      if (typeof message !== 'string') return taskErrorOf(error);
      const said = { type: this.copy(type, 0), message: this.text(message), stack: this.copy(stack, 0) };
      return depth <= 0 ? said : { ...said, ...this.members(own, depth) };
    } catch {
      return taskErrorOf(error);
    }
  }
}

const A_PROXY = '[Proxy]';
const A_LIST = '[Array]';
const AN_OBJECT = '[Object]';
const UNREADABLE = '[unreadable]';
const LEFT_OUT = '[left out]';
