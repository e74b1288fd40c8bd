import { LEASE_MS } from '@baton/protocols';
import { contentTypes } from '../commands/answer.ts';
import { ownerOf } from '../dispatch/rendezvous.ts';
import type { Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { NodeInfo, Ports, Subscription } from '../ports.ts';
import { encodeWorkAnswer, refusal, type WorkAnswer } from './answers.ts';
import { Bridge } from './bridge.ts';
import { Forgotten, type ForgottenParts } from './forgotten.ts';
import type { WorkRequest } from './port.ts';
import { readWork, type WorkReading } from './read-request.ts';
import type { SaysOnce } from './stand.ts';

export type WorkDeskParts = {
  readonly ports: Ports;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly once: SaysOnce;
  readonly supervisor: string;
  /** Supervisors that are there, this one among them; undefined while that is not known. */
  readonly members: () => readonly string[] | undefined;
  readonly liveWorkers: () => readonly NodeInfo[];
  readonly held: ForgottenParts['held'];
};

/** Workers one supervisor speaks for; beyond it those that come are refused, and those that are there go on. */
const MOST_WORKERS = 10_000;

/** Bytes of an answer, below the server's `max_payload` with its headers. */
const ANSWER_LIMIT = 1024 * 1024 - 4_096;

/** A worker that was silent for this long is dead for everybody. */
const SILENT_MS = 2 * LEASE_MS;

/**
 * Where workers in any language ask for work. Every request comes to every supervisor; the one that rendezvous hashing
 * gives the worker to answers. So a worker has one supervisor that speaks for it, chosen by nobody, and another one when
 * that one goes.
 */
export class WorkDesk {
  private readonly parts: WorkDeskParts;
  private readonly bridges = new Map<string, Bridge>();
  private readonly forgotten: Forgotten;
  private tie: Subscription | undefined;

  constructor(parts: WorkDeskParts) {
    const { ports, kernel, log, held } = parts;
    this.parts = parts;
    this.forgotten = new Forgotten({ kernel, clock: ports.clock, log, held });
  }

  /** Workers this supervisor speaks for. */
  get size(): number {
    return this.bridges.size;
  }

  start(): void {
    this.tie = this.parts.ports.work.onRequest((request) => this.take(request));
  }

  /** Claims that wait are answered: they are asked again, and somebody else answers then. */
  stop(): void {
    this.tie?.close();
    for (const bridge of this.bridges.values()) bridge.leave();
    this.bridges.clear();
  }

  /** Another set of supervisors that are there. */
  share(): void {
    for (const [name, bridge] of this.bridges) {
      if (this.isMine(name)) continue;
      this.bridges.delete(name);
      bridge.leave();
    }
  }

  /** Called often. */
  look(): void {
    for (const [name, bridge] of this.bridges) {
      if (bridge.silentMs < SILENT_MS) continue;
      this.bridges.delete(name);
      bridge.end();
    }
    if (this.forgotten.size > 0) this.forgotten.retain(new Set(this.parts.liveWorkers().map(({ id }) => id)));
  }

  private isMine(name: string): boolean {
    const members = this.parts.members();
    return members !== undefined && ownerOf(`work/${name}`, members) === this.parts.supervisor;
  }

  private take(request: WorkRequest): void {
    const reading = readWork(request);
    if (reading.kind === 'beat') this.forgotten.heard(reading.name, reading.body.running);
    if (!this.isMine(reading.name)) return;
    this.answerTo(reading)
      .catch((error: unknown) => {
        const { log, once } = this.parts;
        once.say('work broken', () => log.error({ err: error }, 'a request of a worker failed in a way it should not'));
        return refusal('INTERNAL', 'it failed in a way it should not; the log of the supervisor has the reason');
      })
      .then((answer) => {
        const bytes = encodeWorkAnswer(answer, reading.format);
        const sent = bytes.length <= ANSWER_LIMIT ? bytes : encodeWorkAnswer(TOO_LARGE, reading.format);
        request.answer(sent, contentTypes[reading.format]);
      })
      .catch((error: unknown) => this.parts.log.error({ err: error }, 'a worker could not be answered'));
  }

  private async answerTo(reading: WorkReading): Promise<WorkAnswer> {
    switch (reading.kind) {
      case 'bad':
        return refusal(reading.code, reading.message);
      case 'claim':
        return this.bridgeOf(reading.name)?.claim(reading.body) ?? TOO_MANY;
      case 'finish':
        return this.bridgeOf(reading.name)?.finish(reading.body) ?? TOO_MANY;
      case 'beat': {
        const bridge = this.bridgeOf(reading.name);
        if (bridge === undefined) return TOO_MANY;
        const answer = await bridge.beat(reading.body);
        if (reading.body.state === 'gone' && answer.ok) this.forget(reading.name, bridge);
        return answer;
      }
    }
  }

  private forget(name: string, bridge: Bridge): void {
    if (this.bridges.get(name) === bridge) this.bridges.delete(name);
    bridge.end();
  }

  private bridgeOf(name: string): Bridge | undefined {
    const known = this.bridges.get(name);
    if (known !== undefined || this.bridges.size >= MOST_WORKERS) return known;
    const { ports, kernel, log, once, supervisor, liveWorkers } = this.parts;
    const former = liveWorkers().find(({ id }) => id === name);
    const bridge = new Bridge({ ports, kernel, log, once, supervisor, name, former });
    this.bridges.set(name, bridge);
    return bridge;
  }
}

const TOO_MANY = refusal(
  'TOO_MANY_WORKERS',
  'this supervisor speaks for as many workers as it can: start more of them',
);

const TOO_LARGE = refusal(
  'ANSWER_TOO_LARGE',
  'in this format the answer does not fit into a message; what was claimed is given back. Ask in MessagePack, or for fewer',
);
