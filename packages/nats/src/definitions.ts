import { encodeAnnouncement, encodeDefinition, readAnnouncement, readDefinition, untoken } from '@baton/protocols';
import {
  BatonError,
  NotConnectedError,
  StoreRefusedError,
  type Definitions,
  type DefinitionsListener,
  type Subscription,
} from '@baton/runtime';
import { ApiError } from './errors.ts';
import { hasLeft, OPERATION_HEADER } from './presence-node.ts';
import { apiCodes } from './publisher/outcome.ts';
import { listen, type Wire } from './wire.ts';

/** The answer to a message request: body and headers as base64. */
type Stored = { readonly message: { readonly seq: number; readonly data?: string; readonly hdrs?: string } };

const NO_MESSAGE = 10_037;

/** Keys read at once while catching up. */
const READS = 16;

const NOTHING = new Uint8Array();

/** Definitions in a bucket of their own; workers and supervisors tell each other on core subjects. */
export const createDefinitions = (wire: Wire): Definitions => {
  const { names, nc, link } = wire;
  const tell = (subject: string, bytes: Uint8Array): void => {
    if (link.connected) nc.publish(subject, bytes);
  };
  return {
    announce: (worker, served) => {
      for (const bytes of encodeAnnouncement(served)) tell(names.announceSubject(worker), bytes);
    },
    onAnnounced: (listener) =>
      listen(wire, names.allAnnounced, ({ subject, data }) =>
        listener(readAnnouncement(data, subject.slice(names.announcePrefix.length))),
      ),
    ask: () => tell(names.askSubject, NOTHING),
    onAsked: (listener) => listen(wire, names.askSubject, () => listener()),
    load: async (type) => {
      const stored = await read(wire, names.definitionSubject(type));
      if (stored === undefined || stored.bytes.length === 0) return undefined;
      const kept = readDefinition(stored.bytes, type);
      if (kept !== undefined) return { kept, revision: stored.revision };
      throw new BatonError(
        'DEFINITION_UNREADABLE',
        `the definition of ${type} cannot be read, or is of a newer version`,
      );
    },
    write: (kept, expected) =>
      wire.publisher.publish(names.definitionSubject(kept.definition.type), encodeDefinition(kept), { expected }),
    follow: (listener) => DefinitionsFollower.start(wire, listener),
  };
};

type Read = { readonly revision: number; readonly bytes: Uint8Array };

/** Undefined: there is none. A tombstone has no bytes. */
const read = async ({ api, names }: Wire, subject: string): Promise<Read | undefined> => {
  try {
    const { message } = await api.call<Stored>(`STREAM.MSG.GET.${names.definitionsStream}`, { last_by_subj: subject });
    const isGone = Buffer.from(message.hdrs ?? '', 'base64').includes(`${OPERATION_HEADER}:`);
    return { revision: message.seq, bytes: isGone ? NOTHING : Buffer.from(message.data ?? '', 'base64') };
  } catch (fault) {
    if (!(fault instanceof ApiError)) throw fault;
    if (fault.apiCode === NO_MESSAGE) return undefined;
    const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
    throw new StoreRefusedError(code, fault.message, { cause: fault });
  }
};

/**
 * Hears what the server repeats once it is stored, and reads what was there before. It does not outlive the connection:
 * what was repeated meanwhile is gone, so the owner starts anew.
 */
class DefinitionsFollower {
  private readonly wire: Wire;
  private readonly listener: DefinitionsListener;
  private readonly revisions = new Map<string, number>();
  private readonly undo: Subscription[] = [];
  private closed = false;

  private constructor(wire: Wire, listener: DefinitionsListener) {
    this.wire = wire;
    this.listener = listener;
  }

  static async start(wire: Wire, listener: DefinitionsListener): Promise<Subscription> {
    const { link, names } = wire;
    if (!link.connected) throw new NotConnectedError('no connection to NATS: the definitions cannot be followed');
    const follower = new DefinitionsFollower(wire, listener);
    follower.undo.push(
      link.onDisconnect(() => follower.lose(new NotConnectedError('the connection was lost; follow again'))),
      listen(wire, names.allDefined, ({ subject, data, headers }) => {
        const revision = Number(headers?.get('Nats-Sequence'));
        follower.take(subject.slice(names.definedPrefix.length), revision, hasLeft(headers) ? NOTHING : data);
      }),
    );
    try {
      // The subscription goes before the question on one connection: nothing is missed between the two.
      const subjects = await follower.stored();
      void follower.catchUp(subjects);
    } catch (fault) {
      follower.close();
      throw fault;
    }
    return { close: () => follower.close() };
  }

  private async stored(): Promise<string[]> {
    type Info = { readonly state: { readonly subjects?: Readonly<Record<string, number>> } };
    const { names, api } = this.wire;
    const info = await api.call<Info>(`STREAM.INFO.${names.definitionsStream}`, {
      subjects_filter: names.allDefinitions,
    });
    return Object.keys(info.state.subjects ?? {});
  }

  private async catchUp(left: string[]): Promise<void> {
    const { definitionPrefix } = this.wire.names;
    const reader = async (): Promise<void> => {
      for (let subject = left.pop(); subject !== undefined && !this.closed; subject = left.pop()) {
        const stored = await read(this.wire, subject);
        if (stored !== undefined) this.take(subject.slice(definitionPrefix.length), stored.revision, stored.bytes);
      }
    };
    try {
      await Promise.all(Array.from({ length: READS }, reader));
      if (!this.closed) this.listener.caughtUp();
    } catch (fault) {
      this.lose(
        fault instanceof BatonError ? fault : new BatonError('DEFINITIONS_UNREADABLE', String(fault), { cause: fault }),
      );
    }
  }

  private take(token: string, revision: number, bytes: Uint8Array): void {
    if (this.closed || !(revision > (this.revisions.get(token) ?? 0))) return;
    this.revisions.set(token, revision);
    const type = untoken(token);
    if (bytes.length === 0) return this.listener.gone(type);
    const kept = readDefinition(bytes, type);
    if (kept !== undefined) return this.listener.kept(kept, revision);
    this.listener.unreadable(type);
  }

  private lose(cause: BatonError): void {
    if (this.closed) return;
    this.close();
    this.listener.lost(cause);
  }

  private close(): void {
    this.closed = true;
    for (const subscription of this.undo.splice(0)) subscription.close();
  }
}
