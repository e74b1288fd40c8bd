import type { TypeDefinition } from '@baton/core';
import { LEASE_MS } from '@baton/protocols';
import { Announcer } from '../definitions/announcer.ts';
import type { NodeInfo } from '../ports/presence.ts';
import type { Ports } from '../ports.ts';

/** A lease is not renewed more often than this, however often its worker beats. */
const RENEW_MS = 900;

/** Whoever starts such a worker waits 5 s for its first answer, and somebody keeps definitions: this supervisor does. */
const KEPT_MS = 3_000;

type Serves = Partial<Pick<NodeInfo, 'queues' | 'types' | 'concurrency' | 'host' | 'pid' | 'state' | 'running'>>;

/**
 * What is known of one worker, and its lease, which is renewed when the worker gives a sign of life and at no other time:
 * whoever is silent for a lease is dead, for everybody.
 */
export class RemoteLease {
  private readonly ports: Pick<Ports, 'presence' | 'clock' | 'definitions' | 'link'>;
  private info: NodeInfo;
  private renewedAt = Number.NEGATIVE_INFINITY;
  private renewing: Promise<void> | undefined;
  private heardAt: number;
  private beatAt: number;
  private announcer: Announcer | undefined;
  private definitions: readonly TypeDefinition[] | undefined;
  private kept = Promise.resolve();

  /** `former`: what another supervisor has written of the worker, which it goes on from. */
  constructor(ports: RemoteLease['ports'], name: string, former: NodeInfo | undefined) {
    this.ports = ports;
    const { clock } = ports;
    this.heardAt = clock.monotonic();
    this.beatAt = this.heardAt;
    const startedAt = clock.now();
    this.info = former ?? { role: 'worker', id: name, host: 'unknown', pid: 0, startedAt, state: 'ready', types: [] };
  }

  /** Since when nothing was heard of it, milliseconds. */
  get silentMs(): number {
    return this.ports.clock.monotonic() - this.heardAt;
  }

  /**
   * Since the renewal by which others know that it lives. Not since it was heard of: it is dead for them a lease after the
   * renewal, and what it was given after that would be taken from it at once.
   */
  get renewedMsAgo(): number {
    return this.ports.clock.monotonic() - this.renewedAt;
  }

  /** Undefined: it has not said by which definitions it serves its types. */
  get served(): readonly TypeDefinition[] | undefined {
    return this.definitions;
  }

  /** A sign of life. */
  heard(): void {
    this.heardAt = this.ports.clock.monotonic();
  }

  /** A beat came. True when there was none for so long that others may have taken what it had. */
  beaten(): boolean {
    const before = this.beatAt;
    this.heard();
    this.beatAt = this.heardAt;
    return this.beatAt - before >= LEASE_MS / 2;
  }

  /** Resolves when others know that it lives. Rejects with a BatonError when that is not certain. */
  renew(news: Serves): Promise<void> {
    const { clock, presence } = this.ports;
    const info = { ...this.info, ...news };
    const isNews = newsIn(info) !== newsIn(this.info);
    this.info = info;
    if (this.renewing !== undefined && !isNews) return this.renewing;
    if (!isNews && clock.monotonic() - this.renewedAt < RENEW_MS) return Promise.resolve();
    const sentAt = clock.monotonic();
    const renewing = presence
      .renewFor(info)
      .then(() => {
        this.renewedAt = Math.max(this.renewedAt, sentAt);
      })
      .finally(() => {
        if (this.renewing === renewing) this.renewing = undefined;
      });
    this.renewing = renewing;
    return renewing;
  }

  /** What it serves, told to supervisors as every worker does. Resolves as `Announcer.kept`. */
  announce(definitions: readonly TypeDefinition[]): Promise<void> {
    if (JSON.stringify(definitions) === JSON.stringify(this.definitions)) return this.kept;
    this.announcer?.stop();
    this.definitions = definitions;
    const { ports } = this;
    const { id: worker, startedAt: since } = this.info;
    this.announcer = new Announcer({ ports, worker, definitions, since });
    this.kept = this.announcer.kept(KEPT_MS);
    return this.kept;
  }

  /** It has gone: nobody waits for the end of its lease. */
  release(): Promise<void> {
    this.close();
    const { role, id } = this.info;
    return this.ports.presence.releaseFor(role, id);
  }

  close(): void {
    this.announcer?.stop();
  }
}

/** What others are to know at once: how many tasks it runs goes with the next renewal. */
const newsIn = ({ running: _running, ...info }: NodeInfo): string => JSON.stringify(info);
