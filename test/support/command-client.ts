// A program in any language that sends commands, and looks at what became of them.
import { decode, encode, namesOf, type Names } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import type { Stage } from './stage.ts';

export const namesFor = ({ namespace }: Stage): Names => namesOf(namespace);

type Answer = {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly outcome?: string;
  readonly differs?: boolean;
  readonly known?: boolean;
  readonly task?: Readonly<Record<string, unknown>> & { readonly id: string; readonly address: string };
};

let inboxes = 0;

export type Sent = {
  readonly format?: 'json' | 'msgpack';
  readonly headers?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
};

/** Publishes a command and waits for its answer, as any program would. */
export const ask = async (
  stage: Stage,
  subject: string,
  body: unknown,
  { format = 'json', headers = {}, limitMs = 10_000 }: Sent = {},
) => {
  const { nc, publisher } = stage.ports.wire;
  const inbox = `_INBOX.test.${process.pid}.${++inboxes}`;
  const answers: Answer[] = [];
  const subscription = nc.subscribe(inbox, {
    callback: (_error, { data }) => {
      answers.push((format === 'json' ? JSON.parse(new TextDecoder().decode(data)) : decode(data, 1e6)) as Answer);
    },
  });
  await nc.flush();
  const bytes =
    body instanceof Uint8Array
      ? body
      : format === 'json'
        ? new TextEncoder().encode(JSON.stringify(body))
        : encode(body);
  const stored = await publisher.publish(subject, bytes, {
    headers: { 'Content-Type': `application/${format}`, 'Baton-Reply': inbox, ...headers },
  });
  assert.is(stored.kind, 'written');
  try {
    return await eventually(
      () => {
        const [first] = answers;
        if (first === undefined) throw new Error('no answer');
        return first;
      },
      { limitMs },
    );
  } finally {
    subscription.unsubscribe();
  }
};

export const ALICE = { id: 'alice' };

/** The dead letters, newest last. */
export const deadLetters = async (stage: Stage) => {
  const { api, names } = stage.ports.wire;
  type Info = { readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number } };
  type Got = { readonly message: { readonly hdrs?: string; readonly data?: string; readonly subject: string } };
  const { state } = await api.call<Info>(`STREAM.INFO.${names.deadStream}`);
  const letters = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const { message } = await api.call<Got>(`STREAM.MSG.GET.${names.deadStream}`, { seq });
    const text = (base64 = '') => Buffer.from(base64, 'base64').toString();
    letters.push({ subject: message.subject, headers: text(message.hdrs), body: text(message.data) });
  }
  return letters;
};
