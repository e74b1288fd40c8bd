import { currentContext, NotConnectedError, type RunHost } from '@baton/runtime';

/**
 * What runs tasks in this process: a host for each worker, and one for calls from elsewhere. Each is a node with a lease of
 * its own, taken when it is first needed, so that a worker is offered what it serves, and drains what it runs, and nothing
 * of another one.
 */
export class Hosts {
  private readonly open: () => RunHost;
  private readonly workers = new Set<RunHost>();
  private readonly callers: RunHost;
  private isClosed = false;

  constructor(open: () => RunHost) {
    this.open = open;
    this.callers = open();
  }

  /** For one more worker. Throws NotConnectedError where the client was closed meanwhile. */
  forWorker(): RunHost {
    if (this.isClosed) throw new NotConnectedError('this client is closed: connect again to start a worker');
    const host = this.open();
    this.workers.add(host);
    return host;
  }

  /** For a call that is made here: inside a task it runs where that does, and drains with it. */
  forCall(): RunHost {
    const inside = currentContext()?.taskId;
    if (inside === undefined) return this.callers;
    return [...this.workers].find((host) => host.runs(inside)) ?? this.callers;
  }

  /** Its worker has drained: it is no node any more. */
  async leave(host: RunHost): Promise<void> {
    await host.stop();
    this.workers.delete(host);
  }

  /** What still runs is let go. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([this.callers, ...this.workers].map((host) => host.stop()));
  }
}
