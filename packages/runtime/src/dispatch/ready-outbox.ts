import type { HeldTask, ReadyTask } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Chance } from '../ports/environment.ts';
import type { Dispatch, HostingState, ReadyMessage } from '../ports/dispatch.ts';
import { sizeOf } from './message-size.ts';
import { MESSAGE_BYTES, MESSAGE_TASKS } from './timings.ts';

export type QueuedTask = ReadyTask<Address> & { readonly queue: string };

/** A task of a limited queue that runs. */
export type RunningTask = HeldTask<Address> & { readonly queue: string };

type Gone = ReadyMessage['gone'][number];

/**
 * What this supervisor tells one other about the queues that one hosts. Messages are numbered, so that the other one sees
 * when one was lost, and asks for everything anew.
 */
export class ReadyOutbox {
  private readonly to: string;
  private readonly from: string;
  private readonly dispatch: Dispatch;
  private readonly chance: Chance;
  private session = '';
  private number = 0;
  private ready: QueuedTask[] = [];
  private gone: Gone[] = [];
  private held: RunningTask[] = [];
  private bytes = 0;
  private flushing = false;

  constructor(to: string, from: string, ports: { readonly dispatch: Dispatch; readonly chance: Chance }) {
    this.to = to;
    this.from = from;
    this.dispatch = ports.dispatch;
    this.chance = ports.chance;
  }

  /** Everything anew: what is told from here on is all there is. */
  begin(): void {
    this.session = this.chance.nonce();
    this.number = 0;
    this.clear();
    this.send({ begins: true });
  }

  tellReady(task: QueuedTask): void {
    if (this.session === '') this.begin();
    // In order: what came to be ready again after it was gone is told after it.
    if (this.gone.length > 0) this.flush();
    this.makeRoom(sizeOfTask(task) + (task.bytes?.length ?? 0));
    this.ready.push(task);
    this.flushIfFull(this.ready);
  }

  tellGone(gone: Gone): void {
    if (this.session === '') return;
    this.makeRoom(sizeOf([gone.queue, gone.address]));
    this.gone.push(gone);
    this.flushIfFull(this.gone);
  }

  tellHeld(task: RunningTask): void {
    if (this.session === '') this.begin();
    this.makeRoom(sizeOfTask(task));
    this.held.push(task);
    this.flushIfFull(this.held);
  }

  /** All that was told before it is so, and nothing else. */
  tellState(state: HostingState): void {
    if (this.session === '') this.begin();
    this.flush();
    this.send({ state });
  }

  /** The number of the last message, so that its loss is noticed. */
  beat(): void {
    if (this.session !== '') this.dispatch.tell(this.to, this.message({}));
  }

  /** All lists go in one message. */
  private makeRoom(size: number): void {
    if (this.bytes + size > MESSAGE_BYTES) this.flush();
    this.bytes += size;
  }

  private flushIfFull({ length }: readonly unknown[]): void {
    if (length >= MESSAGE_TASKS) this.flush();
    else this.flushSoon();
  }

  private flushSoon(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.ready.length === 0 && this.gone.length === 0 && this.held.length === 0) return;
    const { ready, gone, held } = this;
    this.clear();
    this.send(held.length === 0 ? { ready, gone } : { ready, gone, held });
  }

  private clear(): void {
    this.ready = [];
    this.gone = [];
    this.held = [];
    this.bytes = 0;
  }

  private send(parts: Partial<ReadyMessage>): void {
    this.number++;
    this.dispatch.tell(this.to, this.message(parts));
  }

  private message(parts: Partial<ReadyMessage>): ReadyMessage {
    const { from, session, number } = this;
    return { from, session, number, ready: [], gone: [], ...parts };
  }
}

const sizeOfTask = ({ queue, address, type, group, limitKey }: RunningTask | QueuedTask): number =>
  sizeOf([queue, address, type, group, limitKey]);
