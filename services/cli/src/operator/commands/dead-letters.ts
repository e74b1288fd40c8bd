import { deadLetterAt, listDeadLetters, type DeadLetter } from '@baton/nats';
import { headers as names } from '@baton/protocols';
import { InvalidArgumentError, readBody } from '@baton/runtime';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { bytesText, plain, sayFields, sayJson, sayTable, timeText, type Column } from '../output.ts';
import type { Session } from '../session.ts';

export type DeadLettersOptions = { readonly limit: number; readonly before?: number };

/** Characters of a body that are shown; `--json` has all of it. */
const SHOWN = 4_000;

const COLUMNS: readonly Column<DeadLetter>[] = [
  { title: 'NUMBER', text: ({ number }) => String(number), align: 'right' },
  { title: 'AT (UTC)', text: ({ at }) => timeText(new Date(at)) },
  { title: 'SENT TO', text: ({ subject }) => subject, most: 40 },
  { title: 'CODE', text: ({ code }) => code },
  { title: 'REASON', text: ({ reason }) => reason, most: 80 },
  { title: 'SIZE', text: ({ bytes }) => bytesText(bytes.length), align: 'right' },
];

/** Commands that were not carried out: the newest, or all there is of one. Whoever sent them, so not for every user. */
export const deadLetters = async (
  session: Session,
  number: number | undefined,
  { limit, before }: DeadLettersOptions,
): Promise<number> => {
  if (!session.actor.admin)
    throw new InvalidArgumentError("dead-letters is an operator's: leave --user out, or add --admin");
  const { wire } = await session.ports();
  if (number !== undefined) {
    showOne(session, await deadLetterAt(wire, number));
    return exitCodes.ok;
  }
  const letters = await listDeadLetters(wire, { most: limit, ...(before === undefined ? {} : { before }) });
  if (session.json) sayJson(letters.map(jsonOf));
  else sayTable(COLUMNS, letters, 'no command of the last days was put aside');
  return exitCodes.ok;
};

const showOne = (session: Session, letter: DeadLetter): void => {
  if (session.json) return sayJson(jsonOf(letter));
  const { number, at, subject, code, reason, headers, bytes } = letter;
  sayFields({
    number,
    at: `${timeText(new Date(at))} UTC`,
    'sent to': subject,
    code,
    reason,
    size: bytesText(bytes.length),
  });
  for (const [name, values] of Object.entries(headers)) for (const value of values) say(plain(`${name}: ${value}`));
  const body = bodyOf(letter);
  const text = 'body' in body ? JSON.stringify(body.body) : Buffer.from(bytes).toString('utf8');
  say(`\n${plain(text.slice(0, SHOWN))}${text.length > SHOWN ? '…' : ''}`);
};

const bodyOf = ({ headers, bytes }: DeadLetter): ReturnType<typeof readBody> => {
  const contentType = headers[names.contentType]?.[0];
  return readBody({ bytes, ...(contentType === undefined ? {} : { contentType }) });
};

/** `body` where it can be read; `data` is its bytes, base64. */
const jsonOf = (letter: DeadLetter) => {
  const { number, at, subject, code, reason, headers, bytes } = letter;
  const body = bodyOf(letter);
  return {
    ...{ number, at: new Date(at).toISOString(), subject, code, reason, headers },
    ...('body' in body ? { body: body.body } : {}),
    data: Buffer.from(bytes).toString('base64'),
  };
};
