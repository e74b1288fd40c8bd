import type { Clock, Link } from '../ports/environment.ts';
import type { Dispatch } from '../ports/dispatch.ts';

export type MissingPeersOptions = {
  readonly dispatch: Pick<Dispatch, 'ping'>;
  readonly link: Pick<Link, 'connected'>;
  readonly clock: Clock;
  readonly everyMs: number;
  /** Supervisors that hold a lease, without this one. */
  readonly peers: () => readonly string[];
  /** One is missed, or there again. */
  readonly changed: () => void;
};

/**
 * Finds supervisors whose connection is gone before their lease is over. When a process is killed the server ends its
 * connection, and who asks for it is told at once that nobody listens. It may have lost its connection and come back: then
 * it answers again. One that only does not answer may be busy, and has its lease.
 */
export class MissingPeers {
  private readonly options: MissingPeersOptions;
  private readonly missing = new Set<string>();
  private timer: { readonly cancel: () => void } | undefined;

  constructor(options: MissingPeersOptions) {
    this.options = options;
  }

  has(peer: string): boolean {
    return this.missing.has(peer);
  }

  start(): void {
    const { clock, everyMs } = this.options;
    this.timer = clock.after(everyMs, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  private look(): void {
    const peers = this.options.peers();
    for (const peer of this.missing) if (!peers.includes(peer)) this.missing.delete(peer);
    for (const peer of peers) void this.ask(peer);
  }

  private async ask(peer: string): Promise<void> {
    const { dispatch, link, everyMs, changed } = this.options;
    if (!link.connected) return;
    const answer = await dispatch.ping(peer, 4 * everyMs);
    // Without a connection nobody is heard, and nothing follows from it.
    if (!link.connected || answer === 'silent') return;
    const isNews = answer === 'nobody' ? !this.missing.has(peer) : this.missing.has(peer);
    if (!isNews) return;
    if (answer === 'nobody') this.missing.add(peer);
    else this.missing.delete(peer);
    changed();
  }
}
