import { randomUUID } from 'node:crypto';
import { decode, encode, token, type Names } from '@baton/protocols';
import { errors, headers, type NatsConnection } from '@nats-io/transport-node';

/** A worker that speaks the protocol and nothing else, as a program in any language would; see `protocols/worker.md`. */

export type WorkTask = {
  readonly id: string;
  readonly address: string;
  readonly type: string;
  readonly key: string;
  readonly attempt: number;
  readonly fence: { readonly epoch: number; readonly revision: number };
  readonly args: readonly unknown[];
  readonly timeout: number | null;
  readonly previous: { readonly progress: unknown; readonly payload: unknown; readonly traceparent?: string };
  readonly [more: string]: unknown;
};

export type WorkAnswer = {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly as?: string;
  readonly supervisor?: string;
  readonly status?: string;
  readonly ask?: readonly string[];
  readonly tasks?: readonly WorkTask[];
  readonly abort?: readonly (Pick<WorkTask, 'address' | 'fence'> & { readonly cause: string })[];
  readonly lost?: readonly Pick<WorkTask, 'address' | 'fence'>[];
  readonly unheard?: readonly Pick<WorkTask, 'address' | 'fence'>[];
};

/** Undefined: no answer in this time. */
export type WorkSend = (
  verb: string,
  type: string | undefined,
  body: object,
  timeoutMs: number,
) => Promise<WorkAnswer | undefined>;

type Fields = Readonly<Record<string, unknown>>;

export class WorkClient {
  readonly worker: string;
  readonly secret: string;
  private readonly send: WorkSend;

  constructor(send: WorkSend, worker = 'py', secret = `secret of ${worker}, which is long`) {
    this.send = send;
    this.worker = worker;
    this.secret = secret;
  }

  /** Any request, as it is. */
  ask(verb: string, body: Fields, options: { readonly type?: string; readonly timeoutMs?: number } = {}) {
    const { worker, secret } = this;
    return this.send(verb, options.type, { v: 1, worker, secret, ...body }, options.timeoutMs ?? 8_000);
  }

  claim(fields: Fields = {}): Promise<WorkAnswer> {
    return this.answered('claim', { request: randomUUID(), types: ['job'], max: 1, wait: 0, ...fields });
  }

  beat(running: readonly (WorkTask | Fields)[] = [], fields: Fields = {}): Promise<WorkAnswer> {
    return this.answered('beat', { running: running.map(runOf), ...fields });
  }

  finish({ address, fence }: Pick<WorkTask, 'address' | 'fence'>, fields: Fields): Promise<WorkAnswer> {
    return this.answered('finish', { request: randomUUID(), address, fence, ...fields });
  }

  private async answered(verb: string, body: Fields): Promise<WorkAnswer> {
    const { wait } = body;
    // Of a claim; what a finish waits for is a map.
    const waits = typeof wait === 'number' ? wait : 0;
    const answer = await this.ask(verb, body, { timeoutMs: 8_000 + waits * 1_000 });
    if (answer === undefined) throw new Error(`no answer to ${verb}`);
    return answer;
  }
}

const RUN_FIELDS = ['address', 'fence', 'abortable', 'observed', 'finishing', 'progress', 'payload'];

/** Of a task that was claimed, what a beat says of it; of a map, what it has. */
const runOf = (run: Fields): Fields =>
  Object.fromEntries(Object.entries(run).filter(([key]) => RUN_FIELDS.includes(key)));

/** The one task of an answer. */
export const only = (answer: WorkAnswer): WorkTask => {
  const [task, ...more] = answer.tasks ?? [];
  if (task === undefined || more.length > 0) throw new Error(`not one task: ${JSON.stringify(answer)}`);
  return task;
};

/** Over a connection to NATS, by request and reply and nothing else. */
export const natsWork =
  (nc: NatsConnection, names: Names, format: 'json' | 'msgpack' = 'json'): WorkSend =>
  async (verb, type, body, timeoutMs) => {
    const subject = `${names.workPrefix}${verb}${type === undefined ? '' : `.${token(type)}`}`;
    const sent = headers();
    sent.set('Content-Type', `application/${format}`);
    const bytes = format === 'json' ? new TextEncoder().encode(JSON.stringify(body)) : encode(body);
    try {
      const { data } = await nc.request(subject, bytes, { timeout: timeoutMs, headers: sent });
      return (format === 'json' ? JSON.parse(new TextDecoder().decode(data)) : decode(data, 1 << 20)) as WorkAnswer;
    } catch (error) {
      // No answer in time, or nobody there to give one: to be asked again.
      if (error instanceof errors.TimeoutError || error instanceof errors.RequestError) return undefined;
      throw error;
    }
  };
