import { InexactNumberError, parseExactJson } from '@baton/protocols/exact-json';

/** What is sent with a signal, as it was typed: nothing, JSON, or what is wrong with it. */
export const dataOf = (text: string): { readonly data: unknown } | { readonly fault: string } => {
  if (text.trim() === '') return { data: undefined };
  try {
    return { data: parseExactJson(text) };
  } catch (error) {
    if (error instanceof InexactNumberError) return { fault: `${error.message}.` };
    return { fault: 'This is no JSON. A text stands in quotes: "yes".' };
  }
};
