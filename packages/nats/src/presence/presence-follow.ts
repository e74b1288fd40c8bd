import { apiCodes } from '../codes.ts';
import { STORE_TIMEOUT_MS, type NodeRole } from '@baton/protocols';
import { BatonError, NotConnectedError, type NodesListener, type Subscription } from '@baton/runtime';
import { headers, type Msg } from '@nats-io/nats-core';
import { ApiError } from '../errors.ts';
import { hasLeft, nodeOf, OPERATION_HEADER, readNode } from './presence-node.ts';
import { headersOf } from '../foreign-headers.ts';
import { listen, type Wire } from '../wire.ts';

/** No message under the subject. */

/** Keys read at once while catching up. */
const READS = 32;

/**
 * Watches all nodes by a plain subscription on their keys: a renewal is a publish like any other, and comes here when it
 * comes to the stream. So there is no consumer on the server that could be lost, leak, or fall silent when its stream is
 * made anew. What was stored before is read once, key by key.
 *
 * It does not outlive the connection: renewals sent meanwhile are gone, so the owner starts anew and gives every node a
 * whole lease from there. `lost` is told once, at the first disconnect.
 */
export class NodesFollower {
  private readonly wire: Wire;
  private readonly listener: NodesListener;
  private readonly heard = new Set<string>();
  private readonly undo: Subscription[] = [];
  private unreadable = 0;
  private closed = false;

  private constructor(wire: Wire, listener: NodesListener) {
    this.wire = wire;
    this.listener = listener;
  }

  static async start(wire: Wire, listener: NodesListener): Promise<Subscription> {
    const follower = new NodesFollower(wire, listener);
    if (!wire.link.connected) throw new NotConnectedError('no connection to NATS: the nodes cannot be followed');
    follower.undo.push(
      wire.link.onDisconnect(() => follower.lose(new NotConnectedError('the connection was lost; follow again'))),
      listen(wire, wire.names.allNodes, (msg) => follower.hear(msg.subject, msg.data, headersOf(msg))),
    );
    try {
      const subjects = await follower.stored();
      void follower.catchUp(subjects);
    } catch (fault) {
      follower.close();
      throw fault;
    }
    return { close: () => follower.close() };
  }

  /** Comes after the subscription on the same connection, so nothing can be missed between the two. */
  private async stored(): Promise<readonly string[]> {
    type Info = { readonly state: { readonly subjects?: Readonly<Record<string, number>> } };
    const { names, api } = this.wire;
    const info = await api.call<Info>(`STREAM.INFO.${names.nodesStream}`, { subjects_filter: names.allNodes });
    return Object.keys(info.state.subjects ?? {});
  }

  private async catchUp(subjects: readonly string[]): Promise<void> {
    const left = [...subjects];
    const reader = async (): Promise<void> => {
      for (let subject = left.pop(); subject !== undefined && !this.closed; subject = left.pop())
        await this.read(subject);
    };
    try {
      await Promise.all(Array.from({ length: READS }, reader));
      if (!this.closed) this.call(() => this.listener.caughtUp());
    } catch (fault) {
      this.lose(
        fault instanceof BatonError ? fault : new BatonError('NODES_UNREADABLE', String(fault), { cause: fault }),
      );
    }
  }

  private async read(subject: string): Promise<void> {
    type Stored = { readonly message: { readonly data?: string; readonly hdrs?: string } };
    const { names, api } = this.wire;
    try {
      const query = { last_by_subj: subject };
      const { message } = await api.call<Stored>(`STREAM.MSG.GET.${names.nodesStream}`, query, STORE_TIMEOUT_MS);
      // What was heard meanwhile is newer.
      if (this.heard.has(subject)) return;
      this.hear(subject, Buffer.from(message.data ?? '', 'base64'), tombstoneOf(message.hdrs));
    } catch (fault) {
      // Its time was over between the two requests.
      if (!(fault instanceof ApiError) || fault.apiCode !== apiCodes.noMessage) throw fault;
    }
  }

  private hear(subject: string, bytes: Uint8Array, marks: Msg['headers']): void {
    if (this.closed) return;
    const node = nodeOf(this.wire.names.nodePrefix, subject);
    if (node === undefined) return this.cannotRead(subject);
    this.heard.add(subject);
    if (hasLeft(marks)) return this.call(() => this.listener.left(node.role, node.id));
    this.seen(subject, bytes, node);
  }

  private seen(subject: string, bytes: Uint8Array, { role, id }: { role: NodeRole; id: string }): void {
    const info = readNode(bytes, role, id);
    if (info === undefined) return this.cannotRead(subject);
    this.call(() => this.listener.seen(info));
  }

  /** Said at the first and then at every power of two: a broken node renews as often as a good one. */
  private cannotRead(subject: string): void {
    const count = ++this.unreadable;
    if ((count & (count - 1)) !== 0) return;
    this.wire.onFault(
      'presence',
      new Error(`the value under ${subject} is no node and was left out (${count} so far)`),
    );
  }

  private lose(cause: BatonError): void {
    if (this.closed) return;
    this.close();
    this.call(() => this.listener.lost(cause));
  }

  private close(): void {
    this.closed = true;
    for (const subscription of this.undo.splice(0)) subscription.close();
  }

  private call(tell: () => void): void {
    try {
      tell();
    } catch (fault) {
      this.wire.onFault('presence listener', fault);
    }
  }
}

/** Of the stored headers only one matters here. */
const tombstoneOf = (stored: string | undefined): Msg['headers'] => {
  if (stored === undefined) return undefined;
  const text = Buffer.from(stored, 'base64').toString('latin1');
  const match = new RegExp(`^${OPERATION_HEADER}: (.*)$`, 'm').exec(text);
  if (match?.[1] === undefined) return undefined;
  const found = headers();
  found.set(OPERATION_HEADER, match[1].trim());
  return found;
};
