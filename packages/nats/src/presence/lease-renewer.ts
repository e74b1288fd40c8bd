import { createLog, type NodeChange, type NodeInfo, type NodeState } from '@baton/runtime';
import { createInbox, headers, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { LeaseWatch } from './lease-watch.ts';
import { BEAT, NOT_RENEWED, NOT_SAID, RENEWED, RUNNING, type FromThread, type LeaseTask } from './lease-messages.ts';
import { allRefuse, placesOf, type Place } from '../connection/refusals.ts';
import { breakConnection } from '../connection/stale.ts';
import { codeOf } from '../foreign-headers.ts';
import { DELETED, encodeNode, OPERATION_HEADER, readNode } from './presence-node.ts';

/** How often the clock is looked at: a lost lease is told at most this late. */
const TICK_MS = 50;
const RELEASE_TIMEOUT_MS = 2_000;

/** A connection on which nothing was heard for this long after a renewal is made anew; for twice as long after each. */
const SILENT_MS = 1_000;
const MOST_SILENT_MS = 8_000;

/** While there is no connection, whether anybody has one is looked at this often. */
const PROBE_EVERY_MS = 200;

/** Renews one node's key over a connection of its own. Runs in the lease thread. */
export class LeaseRenewer {
  private readonly nc: NatsConnection;
  private readonly task: LeaseTask;
  private readonly tell: (news: FromThread) => void;
  private readonly watch: LeaseWatch;
  private readonly shared: Int32Array;
  private readonly inbox: string;
  private readonly timer: NodeJS.Timeout;
  private info: NodeInfo;
  private shown: NodeState;
  private hasNews = false;
  private lastFault = '';
  private tickedAt = performance.now();
  private ended = false;
  private connected = true;
  private places: readonly Place[] | undefined;
  /** When the first renewal was sent after which nothing was heard on this connection. */
  private askedAt: number | undefined;
  private silentMs = SILENT_MS;
  private probedAt = -Infinity;

  constructor(nc: NatsConnection, task: LeaseTask, tell: (news: FromThread) => void) {
    this.nc = nc;
    this.task = task;
    this.tell = tell;
    this.info = task.info;
    this.shown = task.info.state;
    this.shared = new Int32Array(task.shared);
    this.watch = new LeaseWatch(task.timings, performance.now());
    this.inbox = createInbox(task.dial.inboxPrefix);
    this.listen(`${this.inbox}.*`, (msg) => this.answered(msg));
    this.listen(task.subject, (msg) => this.seen(msg));
    this.places = placesOf(nc, task.dial);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
    void this.followLink();
  }

  change(change: Omit<NodeChange, 'running'>): void {
    this.info = { ...this.info, ...change };
    this.hasNews = true;
    this.tick();
  }

  /** Deletes the key. The server keeps the order of one connection, so no renewal can come after. */
  async release(): Promise<void> {
    this.end();
    const tombstone = headers();
    tombstone.set(OPERATION_HEADER, DELETED);
    try {
      await this.nc.request(this.task.subject, '', { headers: tombstone, timeout: RELEASE_TIMEOUT_MS });
    } catch (fault) {
      // Nobody is told then, and the lease runs out by itself.
      this.say(`the lease was not given back: ${messageOf(fault)}`);
    }
    this.tell({ kind: 'released' });
  }

  private tick(): void {
    if (this.ended) return;
    const now = performance.now();
    this.listenToOwner(now);
    const state = this.watch.isBlocked(now) ? 'blocked' : this.info.state;
    if (this.watch.isDue(now) || this.hasNews || state !== this.shown) this.renew(state, now);
    if (!this.connected) this.probe(now);
    else if (this.askedAt !== undefined && now - this.askedAt > this.silentMs) this.breakSilence();
    this.judge(now);
    const hungMs = this.watch.hungFor(now);
    if (hungMs !== undefined) this.endProcess(hungMs);
  }

  /** The main thread can be told nothing, and would hear no signal either. */
  private endProcess(hungMs: number): void {
    const { role, id } = this.info;
    createLog({ service: role }).fatal(
      { [role]: id, blockedMs: Math.round(hungMs) },
      'a task has not let the event loop turn, so nothing can run here: the process is killed; ' +
        "isolation: 'thread' is for tasks that compute",
    );
    process.kill(process.pid, 'SIGKILL');
  }

  private async followLink(): Promise<void> {
    for await (const { type } of this.nc.status()) {
      if (type === 'disconnect') this.connected = false;
      // Its listener closes long before its connections do: others may still be connected to it.
      if (type === 'ldm') this.places = undefined;
      if (type === 'update' && this.connected) this.places = placesOf(this.nc, this.task.dial);
      if (type === 'reconnect') {
        this.connected = true;
        this.places = placesOf(this.nc, this.task.dial);
        this.askedAt = undefined;
        this.hasNews = true;
        this.tick();
      }
    }
  }

  /** The operating system tries for minutes to get through on a connection that was silent; a new one is there at once. */
  private breakSilence(): void {
    this.askedAt = undefined;
    this.silentMs = Math.min(MOST_SILENT_MS, 2 * this.silentMs);
    breakConnection(this.nc);
  }

  private heard(): void {
    this.askedAt = undefined;
    this.silentMs = SILENT_MS;
  }

  private probe(now: number): void {
    const { places } = this;
    if (places === undefined || now - this.probedAt < PROBE_EVERY_MS) return;
    this.probedAt = now;
    void allRefuse(places).then((refused) => {
      if (refused && !this.connected) this.watch.unwatched(now);
    });
  }

  private listenToOwner(now: number): void {
    const sinceTick = now - this.tickedAt;
    this.tickedAt = now;
    if (sinceTick > this.task.timings.blockedAfterMs) this.watch.paused(sinceTick);
    const blockedMs = this.watch.heard(Atomics.load(this.shared, BEAT), now);
    if (blockedMs !== undefined) this.tell({ kind: 'unblocked', afterMs: Math.round(blockedMs) });
  }

  private renew(state: NodeState, now: number): void {
    // What would be kept for a connection to come renews nothing by then.
    if (this.nc.isClosed() || !this.connected) return;
    this.askedAt ??= now;
    this.shown = state;
    this.hasNews = false;
    const id = this.watch.sent(now);
    this.nc.publish(this.task.subject, encodeNode(this.described(state)), { reply: `${this.inbox}.${id}` });
  }

  private described(state: NodeState): NodeInfo {
    const running = Atomics.load(this.shared, RUNNING);
    return { ...this.info, state, ...(running === NOT_SAID ? {} : { running }) };
  }

  private answered(msg: Msg): void {
    this.heard();
    const fault = faultIn(msg);
    if (fault !== undefined) return this.say(`the lease was not renewed: ${fault}`);
    this.lastFault = '';
    Atomics.add(this.shared, RENEWED, 1);
    this.watch.confirmed(Number(msg.subject.slice(this.inbox.length + 1)));
    this.judge(performance.now());
  }

  private judge(now: number): void {
    if (this.ended) return;
    const kind = this.watch.judge(now);
    if (kind !== undefined) this.tell({ kind });
  }

  /** Own renewals come back here too; one of a later start under the same id means that two processes think they are it. */
  private seen(msg: Msg): void {
    this.heard();
    const { info } = this.task;
    const other = readNode(msg.data, info.role, info.id);
    if (other === undefined || this.ended) return;
    const isOurs = other.host === info.host && other.pid === info.pid && other.startedAt === info.startedAt;
    if (isOurs || other.startedAt < info.startedAt) return;
    this.end();
    this.tell({ kind: 'superseded' });
  }

  private end(): void {
    this.ended = true;
    clearInterval(this.timer);
  }

  private listen(subject: string, onMessage: (msg: Msg) => void): void {
    this.nc.subscribe(subject, {
      callback: (error, msg) => {
        try {
          if (error) this.say(error.message);
          else onMessage(msg);
        } catch (fault) {
          this.say(messageOf(fault));
        }
      },
    });
  }

  /** Once a cause, and not with every renewal. */
  private say(message: string): void {
    if (message === this.lastFault) return;
    this.lastFault = message;
    this.tell({ kind: 'fault', code: NOT_RENEWED, message });
  }
}

const messageOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));

type PublishAnswer = { readonly seq?: number; readonly error?: { readonly description?: string } };

/** Undefined for an acknowledgement. */
const faultIn = (msg: Msg): string | undefined => {
  if (msg.data.length === 0) return `${codeOf(msg)} nobody stores it`;
  const answer = msg.json<PublishAnswer>();
  if (answer.error !== undefined) return answer.error.description ?? 'refused';
  return answer.seq === undefined ? 'not an acknowledgement' : undefined;
};
