/** A number in JSON text that JavaScript would read as another one. The message names its place. */
export class InexactNumberError extends TypeError {
  override readonly name = 'InexactNumberError';
  readonly code = 'INEXACT_NUMBER';
}

/**
 * `JSON.parse`, but an integer beyond 2^53 - 1 and a number that is too large at all are refused: they would come out as
 * others, and nobody would be told (behaviour X4). Throws SyntaxError and InexactNumberError.
 */
export const parseExactJson = (text: string): unknown => {
  const value: unknown = JSON.parse(text);
  if (SUSPECT.test(text)) checkNumbers(text);
  return value;
};

/** As many digits as the first inexact integer has, or an exponent that may lead beyond every number. */
const SUSPECT = /\d{16}|\de\+?\d{3}/i;

const NUMBER = /-?\d+(\.\d+)?(e[+-]?\d+)?/iy;

type Place = { readonly kind: 'list' | 'map'; index: number; key: string; isKey: boolean };

/** Walks through text that is well-formed. */
const checkNumbers = (text: string): void => {
  const places: Place[] = [];
  for (let at = 0; at < text.length;) {
    const place = places.at(-1);
    switch (text[at]) {
      case '{':
      case '[': {
        const kind = text[at] === '[' ? 'list' : 'map';
        places.push({ kind, index: 0, key: '', isKey: kind === 'map' });
        break;
      }
      case '}':
      case ']':
        places.pop();
        break;
      case ',':
        if (place?.kind === 'list') place.index++;
        else if (place !== undefined) place.isKey = true;
        break;
      case '"': {
        const end = endOfText(text, at);
        if (place?.isKey) {
          place.key = JSON.parse(text.slice(at, end)) as string;
          place.isKey = false;
        }
        at = end;
        continue;
      }
      default: {
        NUMBER.lastIndex = at;
        const [literal, fraction, exponent] = NUMBER.exec(text) ?? [];
        if (literal === undefined) break;
        checkNumber(literal, fraction === undefined && exponent === undefined, places);
        at = NUMBER.lastIndex;
        continue;
      }
    }
    at++;
  }
};

/** Behind the closing quote. */
const endOfText = (text: string, start: number): number => {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
};

const checkNumber = (literal: string, isInteger: boolean, places: readonly Place[]): void => {
  const value = Number(literal);
  if (isInteger ? Number.isSafeInteger(value) : Number.isFinite(value)) return;
  const shown = literal.length > 40 ? `${literal.slice(0, 40)}...` : literal;
  const why = isInteger ? 'is beyond 2^53 - 1 and would be changed: send it as text' : 'is too large for a number';
  throw new InexactNumberError(`${pathOf(places)}: ${shown} ${why}`);
};

/** `args[0].total`; of a long way, the beginning tells enough. */
const pathOf = (places: readonly Place[]): string => {
  const steps = places.map(({ kind, index, key }, i) =>
    kind === 'list' ? `[${index}]` : `${i === 0 ? '' : '.'}${key}`,
  );
  const path = steps.slice(0, 8).join('').slice(0, 200);
  if (path === '') return 'the value';
  return steps.length > 8 ? `${path}...` : path;
};
