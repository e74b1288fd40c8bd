import type { Log } from '../log.ts';
import type { Chance, Clock, Link, Subscription } from '../ports/environment.ts';
import type { Dispatch } from '../ports/dispatch.ts';
import { QueueClient, type OfferedTask } from './queue-client.ts';
import { shareSlots } from './slot-shares.ts';

export type WorkerQueuesOptions = {
  readonly worker: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  readonly dispatch: Dispatch;
  readonly link: Pick<Link, 'onReconnect'>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** A task to claim; it has taken one of the free slots. */
  readonly offered: (task: OfferedTask) => void;
};

/** The queues of one worker, which share its slots. */
export class WorkerQueues {
  private readonly options: WorkerQueuesOptions;
  private readonly clients: readonly QueueClient[];
  private readonly ties: readonly Subscription[];
  private free = 0;
  /** Whose turn it is where slots cannot be shared evenly: the one behind who got the last. */
  private turn = 0;
  private sharing = false;

  constructor(options: WorkerQueuesOptions) {
    this.options = options;
    const { queues, worker, dispatch, link } = options;
    const names = [...new Set(queues)];
    this.clients = names.map((queue, i) => this.clientOf(queue, i, names.length > 1));
    const byQueue = new Map(this.clients.map((client) => [client.queue, client]));
    const check = (): void => {
      for (const client of this.clients) client.check();
    };
    this.ties = [
      dispatch.onOffer(worker, (batch) => byQueue.get(batch.queue)?.take(batch)),
      dispatch.onRehosted(check),
      // What its hosts have said meanwhile is lost.
      link.onReconnect(check),
    ];
    check();
  }

  /** Each has a host that knows of this worker. */
  get isReached(): boolean {
    return this.clients.every(({ isHosted }) => isHosted);
  }

  /** Slots that are free now, also those that are promised. */
  setFree(slots: number): void {
    this.free = slots;
    this.shareSoon();
  }

  /** Takes nothing more; what comes still is given back by its queue. */
  async close(): Promise<void> {
    for (const tie of this.ties) tie.close();
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** Takes nothing more and says nothing: another process does it for the worker. */
  abandon(): void {
    for (const tie of this.ties) tie.close();
    for (const client of this.clients) client.abandon();
  }

  private clientOf(queue: string, index: number, shares: boolean): QueueClient {
    const { worker, types, dispatch, clock, chance, log, offered } = this.options;
    return new QueueClient({
      queue,
      worker,
      types,
      shares,
      dispatch,
      clock,
      chance,
      offered: (task) => {
        this.turn = (index + 1) % this.clients.length;
        this.free--;
        offered(task);
      },
      changed: () => this.shareSoon(),
      unhosted: (is) => {
        if (is) log.warn({ queue }, `no supervisor answers for the queue '${queue}': its tasks wait until one runs`);
        else log.info({ queue }, `a supervisor answers for the queue '${queue}'`);
      },
    });
  }

  private shareSoon(): void {
    if (this.sharing) return;
    this.sharing = true;
    queueMicrotask(() => {
      this.sharing = false;
      this.share();
    });
  }

  private share(): void {
    const shares = this.clients.map(({ promised, waiting, isHosted }) => ({ promised, waiting, fixed: !isHosted }));
    const wanted = shareSlots(Math.max(0, this.free), shares, this.turn);
    wanted.forEach((offers, i) => this.clients[i]?.want(offers));
  }
}
