import { InexactNumberError, parseExactJson } from '@baton/protocols';
import { InvalidArgumentError } from '@baton/runtime';

/** JSON where it is JSON, text otherwise: `42` is a number, `hello` is what it says, `"42"` is text. */
export const valueOf = (text: string): unknown => jsonIn(text) ?? (text === 'null' ? null : text);

/** Undefined for what is no JSON. Throws InvalidArgumentError for numbers it cannot keep. */
export const jsonIn = (text: string): unknown => {
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof InexactNumberError) throw new InvalidArgumentError(error.message);
    return undefined;
  }
};
