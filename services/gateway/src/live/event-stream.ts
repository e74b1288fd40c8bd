import type { ServerResponse } from 'node:http';
import { eventText } from './event-text.ts';

/** Why a stream is ended by the server. */
export type ResetReason = 'resume' | 'slow' | 'restart' | 'expired';

/** Bytes a client may leave unread (behaviour E2). */
export const UNREAD_LIMIT = 1024 * 1024;

/** Bytes that are handed over at a time to somebody who has much to catch up with. */
const PORTION = 256 * 1024;
/** Who has read nothing of a portion for so long does not read. */
const STALL_MS = 15_000;

/** After the last word a client has this long to read it. */
const FAREWELL_MS = 5_000;

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Proxies that collect an answer before they pass it on would make a stream useless.
  'X-Accel-Buffering': 'no',
  Connection: 'keep-alive',
} as const;

/** One client's connection: writes without waiting, and ends it when the client does not read. */
export class EventStream {
  private readonly response: ServerResponse;
  private readonly onClosed: () => void;
  private isOver = false;

  private readonly stallMs: number;

  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    onClosed: () => void,
    stallMs = STALL_MS,
  ) {
    this.response = response;
    this.onClosed = onClosed;
    this.stallMs = stallMs;
    response.once('close', () => this.over());
    response.on('error', () => this.over());
    response.writeHead(200, { ...headers, ...HEADERS });
    response.flushHeaders();
  }

  get isOpen(): boolean {
    return !this.isOver;
  }

  /** Bytes that wait in this process for the client to read. */
  get unread(): number {
    return this.response.writableLength;
  }

  write(text: string): void {
    if (this.isOver) return;
    if (this.unread > UNREAD_LIMIT) return this.reset('slow');
    this.response.write(text);
  }

  /**
   * Resolves when it is worth writing more; false: the stream is over. For what need not be told at once: a client gets it
   * as fast as it reads, and one that does not read is dropped (behaviour E2).
   */
  async ready(): Promise<boolean> {
    for (let before = this.unread; !this.isOver && this.unread > PORTION; before = this.unread) {
      if (!(await this.flushed()) && this.unread >= before) this.reset('slow');
    }
    return !this.isOver;
  }

  /** True when all was handed to the network or the connection is over, false when that takes too long. */
  private flushed(): Promise<boolean> {
    const { response } = this;
    return new Promise((resolve) => {
      const settle = (isFlushed: boolean) => (): void => {
        clearTimeout(timer);
        response.off('drain', flushed).off('close', flushed);
        resolve(isFlushed);
      };
      const flushed = settle(true);
      const timer = setTimeout(settle(false), this.stallMs);
      response.on('drain', flushed).on('close', flushed);
    });
  }

  reset(reason: ResetReason): void {
    this.end(eventText('reset', { reason }));
  }

  end(lastWords = ''): void {
    if (this.isOver) return;
    this.over();
    this.response.end(lastWords);
    const timer = setTimeout(() => this.response.destroy(), FAREWELL_MS);
    this.response.once('close', () => clearTimeout(timer));
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onClosed();
  }
}
